"""What axe is asked, and what is read of its answer."""

# Only violations are read: of what passes axe need not describe every element, a third of its time on a long page.
AXE = {"resultTypes": ["violations"]}


def violations(results: dict) -> dict[str, list[str]]:
    """The rules that are broken, each with the first elements that break it."""
    return {rule["id"]: [node["html"][:160] for node in rule["nodes"]][:4] for rule in results["violations"]}
