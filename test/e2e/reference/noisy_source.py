# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Selection of source examples on small problems whose noise is known, in PyTorch.

    noisy_source.py METHOD [SEEDS] [NAME=VALUE...]

METHOD is rtl, mgtl, blob, importance or similarity. Prints a line for each seed and one
for all; a NAME of SETTINGS takes another value. All seeds are trained at once: parameters
and rows have the seed as their first dimension, and a loss is summed over it, so each
seed gets its own gradient.
"""

import pathlib
import random
import sys

import torch
from torch.nn import functional

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "Inputs" / "toys"))
import noisy  # noqa: E402

SETTINGS = {
    "batch": 10,       # rows of the source and of the target in a step
    "warm": 4,         # epochs in which every row of the source is selected
    "epochs": 8,       # epochs after these, in which rewards are measured
    "rate": 7e-4,      # of the source phase, AdamW
    "target": 0.3,     # times that, of the target phase
    "decay": 3.0,      # weight decay of the encoder and both heads
    "beta1": 0.0,      # of both phases
    "hidden": 16,      # width of the policy
    "speed": 0.3,      # of the policy, SGD; falls to 0 in the course of the training
    "trace": 0.0,      # its momentum: the discount of later rewards
    "entropy": 0.1,    # factor of the entropy in the phase that spreads the policy
    "keep": 0.9,       # of the moving mean of the reward
    "keep_scale": 0.95,  # of the moving square of the advantage
    "cap": 3.0,        # greatest advantage, in deviations
    "fixed": 0.0,      # not 0: the deviation, instead of the moving one
    "reward": "loss",  # or accuracy
    "alpha": 0.5,      # mgtl: share of the discriminator in the reward
    "judge": 1e-2,     # mgtl: rate of the discriminator, AdamW
}
OWN = {"mgtl": {"warm": 2, "epochs": 6, "rate": 5e-4, "speed": 0.7,
                "entropy": 0.05}}  # other values of these
INPUTS, FEATURES = noisy.VOCABULARY, 16
TAGS = ("clean", "flipped", "shifted")


def load(seeds):
    """Rows of the tables of noisy.py, of all seeds."""
    parts = {}
    for seed in seeds:
        draw = random.Random(seed)
        rows = noisy.source(draw)
        tables = {"source": ([row[0] for row in rows], [row[1] for row in rows])}
        for name, size in noisy.SIZES.items():
            tables[name] = tuple(zip(*(noisy.sequence(draw, 0) for _ in range(size))))
        for name, (x, y) in tables.items():
            parts.setdefault(name, []).append((torch.tensor(x).float(),
                                               torch.tensor(y)))
        parts.setdefault("tags", []).append(torch.tensor(
            [TAGS.index(row[2]) for row in rows]))
    tags = torch.stack(parts.pop("tags"))
    return {name: tuple(map(torch.stack, zip(*pairs)))
            for name, pairs in parts.items()}, tags


class Draw:
    """Initial values and order, a generator for each seed."""

    def __init__(self, seeds):
        self.made = [torch.Generator().manual_seed(seed) for seed in seeds]

    def layer(self, width, height, deviation):
        weight = torch.stack([torch.randn(height, width, generator=made) * deviation
                              for made in self.made])
        return [weight.requires_grad_(),
                torch.zeros(len(self.made), height).requires_grad_()]

    def uniform(self, count):
        return torch.stack([torch.rand(count, generator=made) for made in self.made])

    def batches(self, count, size):
        """Rows of batches that go round, each epoch in another order."""
        while True:
            order = torch.stack([torch.randperm(count, generator=made)
                                 for made in self.made])
            for i in range(0, count - size + 1, size):
                yield order[:, i:i + size]


def linear(x, weight, bias):
    return torch.baddbmm(bias[:, None], x, weight.transpose(1, 2))


def two(x, layers):
    """A hidden layer and an output."""
    return linear(functional.relu(linear(x, *layers[:2])), *layers[2:])


def take(rows, at):
    index = torch.arange(len(at))[:, None]
    return tuple(values[index, at] for values in rows)


def cross_entropy(logits, labels):
    return functional.cross_entropy(logits.flatten(0, 1), labels.flatten(),
                                    reduction="none").view(labels.shape)


def log_probability(logit, action):
    return -functional.binary_cross_entropy_with_logits(logit, action,
                                                        reduction="none")


class Model:
    """An encoder, and a head for each domain or one for both."""

    def __init__(self, draw, settings, one):
        self.encoder = draw.layer(INPUTS, 32, 0.2) + draw.layer(32, FEATURES, 0.2)
        self.source = draw.layer(FEATURES, 2, 0.3)
        self.target = self.source if one else draw.layer(FEATURES, 2, 0.3)
        self.heads = [self.source] if one else [self.source, self.target]
        how = {"betas": (settings["beta1"], 0.999),
               "weight_decay": settings["decay"]}
        self.optimisers = {
            "source": torch.optim.AdamW(self.encoder + self.source,
                                        lr=settings["rate"], **how),
            "target": torch.optim.AdamW(self.encoder + self.target,
                                        lr=settings["rate"] * settings["target"],
                                        **how)}

    def features(self, x):
        return functional.relu(two(x, self.encoder))

    def logits(self, x, head):
        return linear(self.features(x), *getattr(self, head))

    def state(self, x, labels):
        with torch.no_grad():
            features = self.features(x)
            losses = [cross_entropy(linear(features, *head), labels)
                      for head in self.heads]
            said = torch.stack([*losses, *((-loss).exp() for loss in losses)], 2)
            return torch.cat([features, said], 2)

    def loss(self, head, rows, weight=1.0):
        return (weight * cross_entropy(self.logits(rows[0], head), rows[1])).mean(1)

    def learn(self, head, rows, weight=1.0):
        step(self.optimisers[head], self.loss(head, rows, weight))

    def warm(self, rows, others):
        if len(self.heads) == 1:
            step(self.optimisers["source"],
                 self.loss("source", rows) + self.loss("target", others))
        else:
            self.learn("source", rows)
            self.learn("target", others)

    def measure(self, rows, kind):
        with torch.no_grad():
            logits = self.logits(rows[0], "target")
            if kind == "loss":
                return -cross_entropy(logits, rows[1]).mean(1)
            return (logits.argmax(2) == rows[1]).float().mean(1)


def step(optimiser, loss):
    optimiser.zero_grad()
    loss.sum().backward()
    optimiser.step()


class Advantage:
    """(reward - its moving mean) / its moving deviation, at most `cap`."""

    def __init__(self, settings):
        self.settings, self.mean, self.square = settings, 0.0, 0.0

    def __call__(self, reward):
        keep, kept = self.settings["keep"], self.settings["keep_scale"]
        over = reward - self.mean
        self.square = kept * self.square + (1 - kept) * over**2
        self.mean = keep * self.mean + (1 - keep) * reward
        cap, fixed = self.settings["cap"], self.settings["fixed"]
        deviation = fixed or (self.square + 1e-16).sqrt()
        return (over / deviation).clamp(-cap, cap)


def area(scores, bad):
    """The chance that a row that is not `bad` scores more than one that is."""
    low = scores[bad].sort().values
    high = scores[~bad].contiguous()
    below = (torch.searchsorted(low, high).double() +
             torch.searchsorted(low, high, right=True)) / 2
    return (below.sum() / (len(low) * len(high))).item()


def report(scores, tags, seeds, more=None):
    """Prints areas: of all noise, of flipped labels, of the shifted rows."""
    found = []
    for i, seed in enumerate(seeds):
        row = [area(scores[i], tags[i] > 0)]
        for other, tag in ((2, 1), (1, 2)):
            among = tags[i] != other
            row.append(area(scores[i][among], tags[i][among] == tag))
        row += [scores[i][tags[i] == tag].mean().item() for tag in range(3)]
        gap = row[3] - scores[i][tags[i] > 0].mean().item()
        row += [gap] + ([more[i].item()] if more is not None else [])
        found.append(row)
        print(f"seed {seed}: area {row[0]:.3f}, flipped {row[1]:.3f}, shifted "
              f"{row[2]:.3f}; mean clean {row[3]:.3f}, flipped {row[4]:.3f}, shifted "
              f"{row[5]:.3f}, gap {gap:.3f}" +
              (f"; test {100 * row[7]:.1f} %" if more is not None else ""))
    table = torch.tensor(found)
    least, mean = table.min(0).values, table.mean(0)
    print(f"least area {least[0]:.3f}, flipped {least[1]:.3f}, shifted {least[2]:.3f}, "
          f"gap {least[6]:.3f}; mean area {mean[0]:.3f}, flipped {mean[1]:.3f}, shifted "
          f"{mean[2]:.3f}, gap {mean[6]:.3f}; {int((table[:, 0] >= 0.7).sum())} of "
          f"{len(found)} reach 0.7")


def train(seeds, settings, selector):
    """Both phases of the model, with the reward, and `selector` in each step."""
    tables, tags = load(seeds)
    draw = Draw(seeds)
    model = Model(draw, settings, selector.ONE_HEAD)
    chooser = selector(draw, model, settings)
    count, size = len(tags[0]), settings["batch"]
    ours, theirs = draw.batches(count, size), draw.batches(noisy.SIZES["target"], size)
    advantage, kind = Advantage(settings), settings["reward"]
    steps = count // size
    for _ in range(settings["warm"] * steps):
        model.warm(take(tables["source"], next(ours)),
                   take(tables["target"], next(theirs)))
    before, total = None, settings["epochs"] * steps
    for done in range(total):
        rows = take(tables["source"], next(ours))
        others = take(tables["target"], next(theirs))
        # What is kept for the step.
        state = chooser.state(*rows)
        action = (draw.uniform(size) <= chooser.chance(state)).float()
        chooser.prepare(rows[0], others[0], action)
        model.learn("source", rows, action)
        model.learn("target", others)
        now = model.measure(tables["validation"], kind)
        worth = advantage(now - (now if before is None else before))
        before = now
        chooser.learn(state, action, worth, 1 - done / total)
    with torch.no_grad():
        scores = chooser.chance(chooser.state(*tables["source"]))
    report(scores, tags, seeds, model.measure(tables["test"], "accuracy"))
    if selector.ONE_HEAD:
        for name, keep in (("all", torch.ones_like(scores)), ("clean", tags == 0),
                           ("selected", draw.uniform(count) <= scores)):
            print(f"steps to 90 % with {name}: {reach(tables, keep, seeds, settings)}")


def reach(tables, keep, seeds, settings, share=0.9, most=800):
    """Steps until a new model says this share of the test rows right, which learns
    from the rows of the source to keep and those of the target."""
    draw, size = Draw(seeds), settings["batch"]
    model = Model(draw, settings | {"rate": 4e-4}, True)
    theirs = draw.batches(noisy.SIZES["target"], size)
    found = [None] * len(seeds)
    for done in range(1, most + 1):
        at = torch.stack([torch.multinomial(row, size, generator=made)
                          for row, made in zip(keep.float(), draw.made)])
        model.warm(take(tables["source"], at), take(tables["target"], next(theirs)))
        if done % 10 == 0:
            said = model.measure(tables["test"], "accuracy")
            found = [done if steps is None and right >= share else steps
                     for steps, right in zip(found, said.tolist())]
    return found


class Policy:
    """Chooses by the state, learns by the reward."""

    ONE_HEAD = False

    def __init__(self, draw, model, settings):
        self.model, self.settings = model, settings
        width, hidden = FEATURES + 2 * len(model.heads), settings["hidden"]
        self.layers = draw.layer(width, hidden, 0.3) + draw.layer(hidden, 1, 0.0)
        self.traces = [torch.zeros_like(layer) for layer in self.layers]

    def state(self, x, labels):
        return self.model.state(x, labels)

    def chance(self, state):
        with torch.no_grad():
            return two(state, self.layers)[..., 0].sigmoid()

    def prepare(self, x, other, action):
        pass

    def reward(self, state, action, worth):
        """What multiplies the logarithm of the chance of each action, if no trace is
        kept."""
        return worth[:, None].expand_as(action)

    def learn(self, state, action, worth, left):
        speed, trace = self.settings["speed"] * left, self.settings["trace"]
        # The policy gradient.
        factor = torch.ones_like(action) if trace else self.reward(state, action, worth)
        logit = two(state, self.layers)[..., 0]
        loss = -(factor * log_probability(logit, action)).mean(1)
        gradients = torch.autograd.grad(loss.sum(), self.layers)
        for layer, kept, gradient in zip(self.layers, self.traces, gradients):
            kept.mul_(trace).add_(gradient)
            rate = speed * worth if trace else torch.full_like(worth, speed)
            layer.data -= rate.view(-1, *[1] * (layer.dim() - 1)) * kept
        # Towards an even chance.
        logit = two(state, self.layers)[..., 0]
        entropy = -log_probability(logit, logit.sigmoid()).mean(1)
        gradients = torch.autograd.grad(-self.settings["entropy"] * entropy.sum(),
                                        self.layers)
        for layer, gradient in zip(self.layers, gradients):
            layer.data -= speed * gradient


class Attacker(Policy):
    """The selector of mgtl: it is worth more to choose what looks like the target."""

    ONE_HEAD = True

    def __init__(self, draw, model, settings):
        super().__init__(draw, model, settings)
        self.domain = draw.layer(FEATURES, 16, 0.3) + draw.layer(16, 1, 0.2)
        self.judge = torch.optim.AdamW(self.domain, lr=settings["judge"],
                                       weight_decay=0.0)

    def prepare(self, x, other, action):
        with torch.no_grad():
            features = [self.model.features(rows) for rows in (x, other)]
        judge_step(self.judge, self.domain, *features, action)

    def reward(self, state, action, worth):
        alpha = self.settings["alpha"]
        return (alpha * likeness(self.domain, state[..., :FEATURES], action) +
                (1 - alpha) * worth[:, None])


def judge_step(optimiser, domain, ours, theirs, action):
    """One step of the discriminator: what is selected against the target."""
    said, right = two(ours, domain)[..., 0], two(theirs, domain)[..., 0]
    step(optimiser, (action * functional.softplus(said)).mean(1) +
         functional.softplus(-right).mean(1))


def likeness(domain, ours, action, cap=3.0):
    """log(2 D) for those that are selected, -log(2 D) for others, between -cap and
    cap."""
    with torch.no_grad():
        logs = functional.logsigmoid(two(ours, domain)[..., 0]) + 0.6931472
    return (2 * action - 1) * logs.clamp(-cap, cap)


def blob(seeds, settings):
    """The discriminator against the selector alone, on points: half of the source is
    drawn as the target is, the other is far away."""
    parts, tags = [], []
    for seed in seeds:
        draw = random.Random(seed)
        rows = noisy.blob(draw)
        parts.append((torch.tensor([row[:2] for row in rows["source"]]),
                      torch.tensor([row[:2] for row in rows["target"]])))
        tags.append(torch.tensor([row[2] == "far" for row in rows["source"]]))
    ours, theirs = map(torch.stack, zip(*parts))
    tags = torch.stack(tags)
    draw = Draw(seeds)
    policy = draw.layer(2, 16, 0.3) + draw.layer(16, 1, 0.0)
    domain = draw.layer(2, 16, 0.3) + draw.layer(16, 1, 0.2)
    judge = torch.optim.AdamW(domain, lr=settings["judge"], weight_decay=0.0)
    chooser = torch.optim.SGD(policy, lr=settings["speed"])
    size = 50
    left, right = (draw.batches(rows.shape[1], size) for rows in (ours, theirs))
    total = 20 * ours.shape[1] // size
    for done in range(total):
        (x,), (other,) = take((ours,), next(left)), take((theirs,), next(right))
        logit = two(x, policy)[..., 0]
        action = (draw.uniform(size) <= logit.sigmoid()).float()
        judge_step(judge, domain, x, other, action)
        step(chooser, -(likeness(domain, x, action) *
                        log_probability(logit, action)).mean(1))
    with torch.no_grad():
        chance = two(ours, policy)[..., 0].sigmoid()
        chosen = draw.uniform(ours.shape[1]) <= chance
        sure = two(theirs, domain)[..., 0]
        said = two(ours, domain)[..., 0] <= 0, sure > 0
    for i, seed in enumerate(seeds):
        # Of as many of each.
        right = [(said[0][i] & chosen[i]).sum() / chosen[i].sum(),
                 said[1][i].float().mean()]
        share = (chosen[i] & tags[i]).sum() / chosen[i].sum()
        # Of target rows, if those that are selected of the source are alike.
        guess = 1 / (1 + chance[i].mean())
        print(f"seed {seed}: discriminator {50 * (right[0] + right[1]):.1f} %, far among "
              f"the selected {100 * share:.2f} %, says of the target "
              f"{sure[i].sigmoid().mean():.3f}, a guess is {guess:.3f}, mean near "
              f"{chance[i][~tags[i]].mean():.3f}, far {chance[i][tags[i]].mean():.4f}, "
              f"area {area(chance[i], tags[i]):.4f}")


def importance(seeds, settings):
    """Weights of a linear model of the domains, at most 10."""
    tables, tags = load(seeds)
    ours, theirs = tables["source"][0], tables["target"][0]
    layer = [torch.zeros(len(seeds), 1, INPUTS).requires_grad_(),
             torch.zeros(len(seeds), 1).requires_grad_()]
    optimiser = torch.optim.AdamW(layer, lr=1e-2, weight_decay=0.01)
    for _ in range(300):
        said = [linear(rows, *layer)[..., 0] for rows in (ours, theirs)]
        step(optimiser, functional.softplus(said[0]).mean(1) +
             functional.softplus(-said[1]).mean(1))
    with torch.no_grad():
        report(linear(ours, *layer)[..., 0].exp().clamp(max=10), tags, seeds)


def similarity(seeds, settings):
    """Weights by the similarity to the mean of the target, of unit rows."""
    tables, tags = load(seeds)
    ours, theirs = (functional.normalize(tables[name][0], dim=2)
                    for name in ("source", "target"))
    centre = theirs.mean(1, keepdim=True)
    said = ((ours - centre) * centre).sum(2)
    over = said - said.mean(1, keepdim=True)
    standard = over / (over**2).mean(1, keepdim=True).sqrt()
    report((standard - 0.5).exp().clamp(max=10), tags, seeds)


def main():
    method, *rest = sys.argv[1:]
    torch.set_num_threads(1)
    settings = SETTINGS | OWN.get(method, {})
    seeds = range(5)
    for word in rest:
        if "=" in word:
            name, value = word.split("=")
            settings[name] = type(SETTINGS[name])(value)
        else:
            seeds = range(int(word))
    if method in ("rtl", "mgtl"):
        train(seeds, settings, Policy if method == "rtl" else Attacker)
    else:
        globals()[method](seeds, settings)


if __name__ == "__main__":
    main()
