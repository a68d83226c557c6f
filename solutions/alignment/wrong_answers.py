"""Mistakes that students make in the lab `alignment`, each with the check that must see it."""

edit("logits", check="logits_values", why="leaves out the bias", change={" + bias": ""})

edit("surprise", check="surprise_values", why="adds up", change={".mean()": ".sum()"})

edit("surprise", check="surprise_values", why="one class for the other", change={"y * z": "(1 - y) * z"})

edit("descend", check="descend_values", why="uphill", change={"weight - rate": "weight + rate"})

edit("descend", check="descend_values", why="the sum over the points", change={" / len(x)": ""})

edit(
    "descend",
    check="alignment_trained",
    why="forgets the new weights",
    change={"return weight - rate * (wrong @ x) / len(x)": "return 0 * weight"},
)
