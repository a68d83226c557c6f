"""Mistakes that the checks of the lab `synthesis` must see."""

import torch


edits["typed", "typed_values"] = {
    "arguments are not looked at": {"if got != takes:": "if len(got) != len(takes):"},
    "the order of arguments is all one": {"if got != takes:": "if sorted(got) != sorted(takes):"},
    "every result is a list": {"kinds.append(OPERATIONS[name].gives)": 'kinds.append("list")'},
}


@wrong(check="typed_values", why="a negative place counts from the end")
def typed(program, kinds):
    kinds = list(kinds)
    for name, *places in program:
        try:
            got = tuple(kinds[place] for place in places)
        except IndexError:
            raise TypeError(name) from None
        if got != OPERATIONS[name].takes:
            raise TypeError(name)
        kinds.append(OPERATIONS[name].gives)
    return kinds


@wrong(check="typed_values", why="an IndexError where a place does not exist")
def typed(program, kinds):
    kinds = list(kinds)
    for name, *places in program:
        if tuple(kinds[place] for place in places) != OPERATIONS[name].takes:
            raise TypeError(name)
        kinds.append(OPERATIONS[name].gives)
    return kinds


edits["execute", "execute_values"] = {
    "values out of range pass": {"values.append(checked(": "values.append(("},
    "no types": {"    typed(program, [kind(value) for value in inputs])\n": ""},
    "the list of inputs grows": {"values = list(inputs)": "values = inputs"},
    "only the output": {"return values": "return values[-1]"},
}


@wrong(check="execute_values", why="each line works on the result of the line before")
def execute(program, inputs):
    typed(program, [kind(value) for value in inputs])
    values = list(inputs)
    for name, *places in program:
        values.append(checked(OPERATIONS[name].do(*([values[-1]] * len(places)))))
    return values


@wrong(check="execute_values", why="only the output is in range")
def execute(program, inputs):
    typed(program, [kind(value) for value in inputs])
    values = list(inputs)
    for name, *places in program:
        values.append(OPERATIONS[name].do(*(values[place] for place in places)))
    checked(values[-1])
    return values


edits["informative", "informative_values"] = {
    "values may stand twice": {"repeated or all(": "all("},
    "outputs may all be the same": {
        "None if repeated or all(output == outputs[0] for output in outputs) else": "None if repeated else"
    },
}


@wrong(check="informative_values", why="only the output is compared with what came before")
def informative(program, inputs):
    try:
        rows = [execute(program, given) for given in inputs]
    except ValueError:
        return None
    *earlier, outputs = (list(column) for column in zip(*rows))
    if outputs in earlier or all(output == outputs[0] for output in outputs):
        return None
    return outputs


@wrong(check="informative_values", why="equal on one input is enough")
def informative(program, inputs):
    try:
        rows = [execute(program, given) for given in inputs]
    except ValueError:
        return None
    if any(row[n] in row[:n] for row in rows for n in range(len(row))):
        return None
    outputs = [row[-1] for row in rows]
    return None if all(output == outputs[0] for output in outputs) else outputs


@wrong(check="informative_values", why="an input where it fails is left out")
def informative(program, inputs):
    rows = []
    for given in inputs:
        try:
            rows.append(execute(program, given))
        except ValueError:
            pass
    columns = list(zip(*rows))
    outputs = list(columns[-1]) if columns else []
    repeated = any(column in columns[:n] for n, column in enumerate(columns))
    return None if repeated or all(output == outputs[0] for output in outputs) else outputs


edits["AttributeNet", "attributes_values"] = {
    "the sum over examples": {"h.mean(1)": "h.sum(1)"},
    "the first example only": {"h.mean(1)": "h[:, 0]"},
    "no ReLU": {"layer(h).relu()": "layer(h)"},
    "two layers": {"(self.one, self.two, self.three)": "(self.one, self.two)"},
    "probabilities": {"return self.scores(h.mean(1))": "return self.scores(h.mean(1)).sigmoid()"},
    "the embedding cannot learn": {
        "self.embed(examples).flatten(2)": "self.embed(examples).detach().flatten(2)"
    },
}


edits["search", "search_values"] = {
    "counts only lines that succeed": {
        "nodes += 1": "pass",
        "if results == due:": "nodes += results is not None\n                if results == due:",
    },
    "the last line may give anything": {"if last and OPERATIONS[name].gives != kind(due[0]):": "if False:"},
    "programs of full length only": {"if results == due:": "if results == due and last:"},
    "no budget": {"if nodes == budget:": "if False:"},
    "only the first example": {"if results == due:": "if results and results[0] == due[0]:"},
    "a line too many": {"len(program) + 1 == length": "len(program) == length"},
    "the order is not used": {"for name in order:": "for name in sorted(order):"},
    "gives only the program": {"for inputs, _ in examples]), nodes": "for inputs, _ in examples])"},
}


@wrong(check="search_values", why="breadth first")
def search(examples, order, length, budget):
    due, nodes = [output for _, output in examples], 0
    queue = [((), [list(inputs) for inputs, _ in examples])]
    for program, rows in queue:
        last = len(program) + 1 == length
        for name in order:
            if last and OPERATIONS[name].gives != kind(due[0]):
                continue
            for places in arguments(OPERATIONS[name].takes, [kind(value) for value in rows[0]]):
                if nodes == budget:
                    return None, nodes
                nodes += 1
                results = line_on(name, places, rows)
                if results == due:
                    return (*program, (name, *places)), nodes
                if results is not None and not last:
                    queue.append(((*program, (name, *places)), [[*row, r] for row, r in zip(rows, results)]))
    return None, nodes


edits["sort_and_add", "sort_and_add_values"] = {
    "only the last search counts": {"nodes += taken": "nodes = taken"},
    "each search has the whole budget": {"budget - nodes)": "budget)"},
    "the last few are never added": {
        "range(step, len(order) + step, step)": "range(step, len(order) + 1, step)"
    },
    "only the new ones, without the likeliest": {"order[:size]": "order[size - step : size]"},
    "one operation more each time, whatever the step": {
        "range(step, len(order) + step, step)": "range(1, len(order) + 1)"
    },
}


edits["Writer", "writer_values"] = {
    "the mean over examples": {"h.masked_fill(~there[..., None], -torch.inf).amax(2)": "h.mean(2)"},
    "all examples are there": {"h.masked_fill(~there[..., None], -torch.inf).amax(2)": "h.amax(2)"},
    "no tanh": {".tanh()": ""},
    "query before context": {"[context, query]": "[query, context]"},
    "no softmax": {".softmax(-1)": ""},
    "a softmax over examples": {".softmax(-1)": ".softmax(2)"},
    "masked with 0, which may be the maximum": {"-torch.inf": "0.0"},
    "every query looks at the first example's input": {
        "query, seen).softmax": "query, seen[:, :1].expand_as(seen)).softmax"
    },
}


edits["beam", "beam_values"] = {
    "nothing is tolerated": {"len(examples) - tolerated": "len(examples)"},
    "nothing is dropped": {"and len(after) - after.count(None) >= least": ""},
    "END is free": {"so_far + row[END]": "so_far"},
    "only the last step counts": {"longer.append((so_far + p,": "longer.append((p,"},
    "the least likely are kept": {", reverse=True)": ")"},
    "the likeliest, however many it fits": {
        'ended.append((rests.count(""), so_far + row[END], program))': "ended.append((0, so_far + row[END], program))"
    },
    "the width is not used": {"[:width]": ""},
    "one more than the width is kept": {"[:width]": "[: width + 1]"},
    "an expression too few": {"range(longest + 1)": "range(longest)"},
    "an expression too many": {"len(program) < longest and ": "", "range(longest + 1)": "range(longest + 2)"},
}


@wrong(check="beam_values", why="executes only when it is done")
def beam(scores, examples, width, longest, tolerated=0):
    kept = [(0.0, (), [output for _, output in examples])]
    ended, least = [], len(examples) - tolerated
    for _ in range(longest + 1):
        longer = []
        for (so_far, program, rests), row in zip(kept, scores([r for _, _, r in kept]).tolist()):
            if rests.count("") >= least:
                ended.append((rests.count(""), so_far + row[END], program))
            for name, p in zip(string_language.NAMES, row):
                after = [remains((name,), (text, rest)) for (text, _), rest in zip(examples, rests)]
                if len(program) < longest:
                    longer.append((so_far + p, (*program, name), after))
        kept = sorted(longer, key=lambda one: one[0], reverse=True)[:width]
        kept = [one for one in kept if len(examples) - one[2].count(None) >= least]
        if not kept:
            break
    return max(ended)[2] if ended else None


edits["explain", "explain_values"] = {
    "never keeps what is worse": {"keep = lucky < (found - scored).exp()": "keep = found > scored"},
    "keeps everything": {"keep = lucky < (found - scored).exp()": "keep = lucky > -1"},
    "begins with the score of the worst chain": {
        "scenes[scored.argmax()], scored.max()\n    for": "scenes[scored.argmax()], scored.min()\n    for"
    },
    "what cannot be is kept where the chance is 0": {"lucky < (found": "lucky <= (found"},
    "the other way round": {"lucky < (found": "lucky > (found"},
    "all chains decide together": {
        "(found - scored).exp()": "(found - scored).exp().amin().expand(len(scenes))"
    },
}


@wrong(check="explain_values", why="the best of the end")
def explain(start, score, propose, chance):
    scenes, scored = start, score(start)
    for lucky in chance:
        changed = propose(scenes)
        found = score(changed)
        keep = lucky < (found - scored).exp()
        scenes, scored = torch.where(keep[:, None], changed, scenes), torch.where(keep, found, scored)
    return scenes[scored.argmax()], scored.max()


@wrong(check="explain_values", why="the start does not count")
def explain(start, score, propose, chance):
    scenes, scored, best, best_score = start, score(start), None, None
    for lucky in chance:
        changed = propose(scenes)
        found = score(changed)
        keep = lucky < (found - scored).exp()
        if best is None or found.max() > best_score:
            best, best_score = changed[found.argmax()], found.max()
        scenes, scored = torch.where(keep[:, None], changed, scenes), torch.where(keep, found, scored)
    return best, best_score
