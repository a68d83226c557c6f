"""Other correct ways to solve the exercises of the lab `synthesis`."""

import math


import torch


@right(why="one argument after the other, by their number")
def typed(program, kinds):
    found = [*kinds]
    for line in program:
        operation = OPERATIONS[line[0]]
        if len(line) - 1 != len(operation.takes):
            raise TypeError(f"{line[0]} takes {len(operation.takes)} arguments")
        for place, due in zip(line[1:], operation.takes):
            if place < 0 or place >= len(found) or found[place] != due:
                raise TypeError(f"{line[0]}: place {place} is no {due}")
        found.append(operation.gives)
    return found


@right(why="by recursion")
def execute(program, inputs):
    typed(program, [kind(value) for value in inputs])
    if not program:
        return list(inputs)
    values = execute(program[:-1], inputs)
    name, *places = program[-1]
    return values + [checked(OPERATIONS[name].do(*[values[n] for n in places]))]


@right(why="two loops over pairs of values")
def informative(program, inputs):
    rows = []
    for given in inputs:
        try:
            rows.append(execute(program, given))
        except ValueError:
            return None
    count = len(rows[0])
    for a in range(count):
        for b in range(a + 1, count):
            if all(row[a] == row[b] for row in rows):
                return None
    outputs = [row[-1] for row in rows]
    if len({repr(output) for output in outputs}) == 1:
        return None
    return outputs


@right(why="examples as one large batch, added up and divided")
class AttributeNet(nn.Module):
    def __init__(self, d, hidden, attributes=len(NAMES)):
        super().__init__()
        self.embed = nn.Embedding(CODES, d)
        with torch.no_grad():
            self.embed.weight[:, :6] = properties()
        self.one = nn.Linear(2 * (1 + SEEN) * d, hidden)
        self.two = nn.Linear(hidden, hidden)
        self.three = nn.Linear(hidden, hidden)
        self.scores = nn.Linear(hidden, attributes)

    def forward(self, examples):
        b, k = examples.shape[:2]
        x = self.embed(examples).reshape(b * k, -1)
        x = torch.relu(self.three(torch.relu(self.two(torch.relu(self.one(x))))))
        return self.scores(x.view(b, k, -1).sum(dim=1) / k)


@right(why="a stack of iterators instead of calls")
def search(examples, order, length, budget):
    outputs = [output for _, output in examples]

    def ways(program, rows):
        kinds = [kind(value) for value in rows[0]]
        for name in order:
            if len(program) + 1 < length or OPERATIONS[name].gives == kind(outputs[0]):
                for places in arguments(OPERATIONS[name].takes, kinds):
                    yield program, rows, name, places

    nodes, stack = 0, [ways((), [list(inputs) for inputs, _ in examples])]
    while stack:
        try:
            program, rows, name, places = next(stack[-1])
        except StopIteration:
            stack.pop()
            continue
        if nodes >= budget:
            return None, nodes
        nodes += 1
        results = line_on(name, places, rows)
        longer = (*program, (name, *places))
        if results is not None and all(r == output for r, output in zip(results, outputs)):
            return longer, nodes
        if results is not None and len(longer) < length:
            stack.append(ways(longer, [row + [r] for row, r in zip(rows, results)]))
    return None, nodes


@right(why="an exception ends the search")
def search(examples, order, length, budget):
    due = [output for _, output in examples]
    state = {"nodes": 0}

    class Done(Exception):
        pass

    def walk(program, rows):
        if len(program) == length:
            return
        last = len(program) == length - 1
        for name in order:
            if last and OPERATIONS[name].gives != kind(due[0]):
                continue
            for places in arguments(OPERATIONS[name].takes, [kind(v) for v in rows[0]]):
                if state["nodes"] == budget:
                    raise Done(None)
                state["nodes"] += 1
                results = line_on(name, places, rows)
                if results == due:
                    raise Done((*program, (name, *places)))
                if results is not None:
                    walk((*program, (name, *places)), [[*row, r] for row, r in zip(rows, results)])

    try:
        walk((), [list(inputs) for inputs, _ in examples])
    except Done as done:
        return done.args[0], state["nodes"]
    return None, state["nodes"]


@right(why="a while loop that adds")
def sort_and_add(examples, order, length, budget, step=2):
    size, left = 0, budget
    while size < len(order) and left > 0:
        size = min(size + step, len(order))
        found, taken = search(examples, list(order)[:size], length, left)
        left -= taken
        if found is not None:
            return found, budget - left
    return None, budget - left


@right(why="matrix products, and a loop over examples")
class Writer(nn.Module):
    def __init__(self, d, hidden, expressions=END + 1):
        super().__init__()
        self.embed = nn.Embedding(96, d)
        self.reader = nn.GRU(d, hidden, batch_first=True, bidirectional=True)
        self.query = nn.Linear(REST * d, 2 * hidden)
        self.joint = nn.Linear(4 * hidden, 2 * hidden)
        self.scores = nn.Linear(2 * hidden, expressions)

    def read(self, texts):
        b, k, length = texts.shape
        return self.reader(self.embed(texts.flatten(0, 1)))[0].view(b, k, length, -1)

    def forward(self, seen, rests, there):
        b, s, k, _ = rests.shape
        states = []
        for n in range(k):
            query = self.query(self.embed(rests[:, :, n]).reshape(b, s, -1))
            attention = torch.softmax(query @ seen[:, n].transpose(1, 2), dim=-1)
            h = torch.tanh(self.joint(torch.cat([attention @ seen[:, n], query], dim=2)))
            states.append(torch.where(there[:, :, n, None], h, torch.full_like(h, -2.0)))  # tanh is above -1
        return self.scores(torch.stack(states, dim=2).max(dim=2).values)


@right(why="what remains is worked out anew each time")
def beam(scores, examples, width, longest, tolerated=0):
    def left(program):
        return [remains(program, example) for example in examples]

    kept, best, most = [((), 0.0)], None, (-1, -math.inf)
    for size in range(longest + 1):
        if not kept:
            break
        log_p = scores([left(program) for program, _ in kept])
        candidates = []
        for n, (program, p) in enumerate(kept):
            fits = sum(rest == "" for rest in left(program))
            value = (fits, p + float(log_p[n, END]))
            if fits >= len(examples) - tolerated and value > most:
                best, most = program, value
            if size < longest:
                for code, name in enumerate(string_language.NAMES):
                    longer = (*program, name)
                    if sum(rest is None for rest in left(longer)) <= tolerated:
                        candidates.append((longer, p + float(log_p[n, code])))
        candidates.sort(key=lambda one: -one[1])
        kept = candidates[:width]
    return best


@right(why="chain by chain where a change is kept")
def explain(start, score, propose, chance):
    scenes, scored = start.clone(), score(start).clone()
    history = [(scenes.clone(), scored.clone())]
    for t in range(len(chance)):
        changed = propose(scenes.clone())
        found = score(changed)
        for n in range(len(scenes)):
            if math.log(max(float(chance[t, n]), 1e-30)) < float(found[n] - scored[n]):
                scenes[n], scored[n] = changed[n], found[n]
        history.append((scenes.clone(), scored.clone()))
    every, values = torch.cat([s for s, _ in history]), torch.cat([v for _, v in history])
    return every[values.argmax()], values.max()


@right(why="scores are worked out anew whenever they are needed")
def explain(start, score, propose, chance):
    scenes, best = start, start[score(start).argmax()]
    for lucky in chance:
        changed = propose(scenes)
        better = torch.exp(score(changed) - score(scenes)) > lucky
        scenes = torch.where(better.unsqueeze(1), changed, scenes)
        both = torch.cat([best[None], scenes])
        best = both[score(both).argmax()]
    return best, score(best[None])[0]
