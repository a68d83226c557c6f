"""Mistakes that students make in the lab `new_topic`, each with the check that must see it."""

edits["logits", "logits_values"] = {
    "leaves out the bias": {" + bias": ""},
}


edits["surprise", "surprise_values"] = {
    "adds up": {".mean()": ".sum()"},
    "one class for the other": {"y * z": "(1 - y) * z"},
}


edits["descend", "descend_values"] = {
    "uphill": {"weight - rate": "weight + rate"},
    "the sum over the points": {" / len(x)": ""},
}


edits["descend", "new_topic_trained"] = {
    "forgets the new weights": {"return weight - rate * (wrong @ x) / len(x)": "return 0 * weight"},
}
