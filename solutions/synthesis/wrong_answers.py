"""Mistakes that the checks of the lab `synthesis` must see."""

import torch

edit(
    "typed",
    check="typed_values",
    why="arguments are not looked at",
    change={"if got != takes:": "if len(got) != len(takes):"},
)
edit(
    "typed",
    check="typed_values",
    why="the order of arguments is all one",
    change={"if got != takes:": "if sorted(got) != sorted(takes):"},
)
edit(
    "typed",
    check="typed_values",
    why="every result is a list",
    change={"kinds.append(OPERATIONS[name].gives)": 'kinds.append("list")'},
)


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


edit(
    "execute",
    check="execute_values",
    why="values out of range pass",
    change={"values.append(checked(": "values.append(("},
)
edit(
    "execute",
    check="execute_values",
    why="no types",
    change={"    typed(program, [kind(value) for value in inputs])\n": ""},
)
edit(
    "execute",
    check="execute_values",
    why="the list of inputs grows",
    change={"values = list(inputs)": "values = inputs"},
)
edit("execute", check="execute_values", why="only the output", change={"return values": "return values[-1]"})


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


edit(
    "informative",
    check="informative_values",
    why="values may stand twice",
    change={"repeated or all(": "all("},
)
edit(
    "informative",
    check="informative_values",
    why="outputs may all be the same",
    change={
        "None if repeated or all(output == outputs[0] for output in outputs) else": "None if repeated else"
    },
)


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


edit("AttributeNet", check="attributes_values", why="the sum over examples", change={"h.mean(1)": "h.sum(1)"})
edit("AttributeNet", check="attributes_values", why="the first example only", change={"h.mean(1)": "h[:, 0]"})
edit("AttributeNet", check="attributes_values", why="no ReLU", change={"layer(h).relu()": "layer(h)"})
edit(
    "AttributeNet",
    check="attributes_values",
    why="two layers",
    change={"(self.one, self.two, self.three)": "(self.one, self.two)"},
)
edit(
    "AttributeNet",
    check="attributes_values",
    why="probabilities",
    change={"return self.scores(h.mean(1))": "return self.scores(h.mean(1)).sigmoid()"},
)
edit(
    "AttributeNet",
    check="attributes_values",
    why="the embedding cannot learn",
    change={"self.embed(examples).flatten(2)": "self.embed(examples).detach().flatten(2)"},
)

edit(
    "search",
    check="search_values",
    why="counts only lines that succeed",
    change={
        "nodes += 1": "pass",
        "if results == due:": "nodes += results is not None\n                if results == due:",
    },
)
edit(
    "search",
    check="search_values",
    why="the last line may give anything",
    change={"if last and OPERATIONS[name].gives != kind(due[0]):": "if False:"},
)
edit(
    "search",
    check="search_values",
    why="programs of full length only",
    change={"if results == due:": "if results == due and last:"},
)
edit("search", check="search_values", why="no budget", change={"if nodes == budget:": "if False:"})
edit(
    "search",
    check="search_values",
    why="only the first example",
    change={"if results == due:": "if results and results[0] == due[0]:"},
)
edit(
    "search",
    check="search_values",
    why="a line too many",
    change={"len(program) + 1 == length": "len(program) == length"},
)
edit(
    "search",
    check="search_values",
    why="the order is not used",
    change={"for name in order:": "for name in sorted(order):"},
)
edit(
    "search",
    check="search_values",
    why="gives only the program",
    change={"for inputs, _ in examples]), nodes": "for inputs, _ in examples])"},
)


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


edit(
    "sort_and_add",
    check="sort_and_add_values",
    why="only the last search counts",
    change={"nodes += taken": "nodes = taken"},
)
edit(
    "sort_and_add",
    check="sort_and_add_values",
    why="each search has the whole budget",
    change={"budget - nodes)": "budget)"},
)
edit(
    "sort_and_add",
    check="sort_and_add_values",
    why="the last few are never added",
    change={"range(step, len(order) + step, step)": "range(step, len(order) + 1, step)"},
)
edit(
    "sort_and_add",
    check="sort_and_add_values",
    why="only the new ones, without the likeliest",
    change={"order[:size]": "order[size - step : size]"},
)
edit(
    "sort_and_add",
    check="sort_and_add_values",
    why="one operation more each time, whatever the step",
    change={"range(step, len(order) + step, step)": "range(1, len(order) + 1)"},
)

edit(
    "Writer",
    check="writer_values",
    why="the mean over examples",
    change={"h.masked_fill(~there[..., None], -torch.inf).amax(2)": "h.mean(2)"},
)
edit(
    "Writer",
    check="writer_values",
    why="all examples are there",
    change={"h.masked_fill(~there[..., None], -torch.inf).amax(2)": "h.amax(2)"},
)
edit("Writer", check="writer_values", why="no tanh", change={".tanh()": ""})
edit(
    "Writer",
    check="writer_values",
    why="query before context",
    change={"[context, query]": "[query, context]"},
)
edit("Writer", check="writer_values", why="no softmax", change={".softmax(-1)": ""})
edit("Writer", check="writer_values", why="a softmax over examples", change={".softmax(-1)": ".softmax(2)"})
edit(
    "Writer",
    check="writer_values",
    why="masked with 0, which may be the maximum",
    change={"-torch.inf": "0.0"},
)
edit(
    "Writer",
    check="writer_values",
    why="every query looks at the first example's input",
    change={"query, seen).softmax": "query, seen[:, :1].expand_as(seen)).softmax"},
)

edit(
    "beam",
    check="beam_values",
    why="nothing is tolerated",
    change={"len(examples) - tolerated": "len(examples)"},
)
edit(
    "beam",
    check="beam_values",
    why="nothing is dropped",
    change={"and len(after) - after.count(None) >= least": ""},
)
edit(
    "beam",
    check="beam_values",
    why="END is free",
    change={"so_far + row[END]": "so_far"},
)
edit(
    "beam",
    check="beam_values",
    why="only the last step counts",
    change={"longer.append((so_far + p,": "longer.append((p,"},
)
edit(
    "beam",
    check="beam_values",
    why="the least likely are kept",
    change={", reverse=True)": ")"},
)
edit(
    "beam",
    check="beam_values",
    why="the likeliest, however many it fits",
    change={
        'ended.append((rests.count(""), so_far + row[END], program))': "ended.append((0, so_far + row[END], program))"
    },
)
edit("beam", check="beam_values", why="the width is not used", change={"[:width]": ""})
edit("beam", check="beam_values", why="one more than the width is kept", change={"[:width]": "[: width + 1]"})
edit(
    "beam", check="beam_values", why="an expression too few", change={"range(longest + 1)": "range(longest)"}
)
edit(
    "beam",
    check="beam_values",
    why="an expression too many",
    change={"len(program) < longest and ": "", "range(longest + 1)": "range(longest + 2)"},
)


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


edit(
    "explain",
    check="explain_values",
    why="never keeps what is worse",
    change={"keep = lucky < (found - scored).exp()": "keep = found > scored"},
)
edit(
    "explain",
    check="explain_values",
    why="keeps everything",
    change={"keep = lucky < (found - scored).exp()": "keep = lucky > -1"},
)
edit(
    "explain",
    check="explain_values",
    why="begins with the score of the worst chain",
    change={
        "scenes[scored.argmax()], scored.max()\n    for": "scenes[scored.argmax()], scored.min()\n    for"
    },
)
edit(
    "explain",
    check="explain_values",
    why="what cannot be is kept where the chance is 0",
    change={"lucky < (found": "lucky <= (found"},
)
edit(
    "explain", check="explain_values", why="the other way round", change={"lucky < (found": "lucky > (found"}
)
edit(
    "explain",
    check="explain_values",
    why="all chains decide together",
    change={"(found - scored).exp()": "(found - scored).exp().amin().expand(len(scenes))"},
)


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
