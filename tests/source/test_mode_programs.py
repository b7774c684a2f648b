"""Programs as people write them: which of their lines are reported, and which never are."""

from __future__ import annotations

import pytest

from evalcheck.source import SourceFile
from evalcheck.source.modes import facts

HEAD = """
import functools
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from tqdm import tqdm

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return self.drop(x)

"""

# Lines that are marked are reported.
WRONG = {
    "cifar": """
net = Net().cuda()
net = torch.nn.DataParallel(net)
optimizer = optim.SGD(net.parameters(), lr=.1)
def train(epoch):
    net.train()
    for i, (x, y) in enumerate(trainloader):
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
def test(epoch):
    global best
    with torch.no_grad():
        for i, (x, y) in enumerate(testloader):
            out = net(x) # !
for epoch in range(200):
    train(epoch)
    test(epoch)
    scheduler.step()
""",
    "cifar-lasting": """
def train(epoch):
    for i, (x, y) in enumerate(trainloader):
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
def test(epoch):
    net.eval() # !
    with torch.no_grad():
        for i, (x, y) in enumerate(testloader):
            out = net(x)
net = Net().cuda()
for epoch in range(200):
    train(epoch)
    test(epoch)
""",
    "main": """
def main():
    args = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = Net().to(device)
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    for epoch in range(args.epochs):
        train(args, model, device, train_loader, optimizer, epoch)
        test(model, device, test_loader)
def train(args, model, device, train_loader, optimizer, epoch):
    model.train()
    for batch_idx, (data, target) in enumerate(train_loader):
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
        if batch_idx % args.log_interval == 0:
            print(loss.item())
def test(model, device, test_loader):
    test_loss = 0
    with torch.no_grad():
        for data, target in test_loader:
            output = model(data) # !
            test_loss += F.nll_loss(output, target, reduction='sum').item()
if __name__ == "__main__":
    main()
""",
    "trainer": """
class Trainer:
    def __init__(self, cfg):
        self.model = Net()
        self.optimizer = optim.Adam(self.model.parameters())
    def run(self):
        for epoch in range(self.epochs):
            self.train_epoch(epoch)
            acc = self.valid_epoch(epoch)
            self.logger.info(acc)
    def train_epoch(self, epoch):
        self.model.train()
        for batch in tqdm(self.train_loader):
            loss = self.step(batch)
            loss.backward()
            self.optimizer.step()
    def step(self, batch):
        return self.criterion(self.model(batch["x"]), batch["y"])
    @torch.no_grad()
    def valid_epoch(self, epoch):
        for batch in self.valid_loader:
            out = self.model(batch["x"]) # !
if __name__ == "__main__":
    trainer = Trainer(cfg)
    trainer.run()
""",
    "single": """
model = Net()
model.load_state_dict(torch.load("m.pt"))
def predict(image):
    with torch.no_grad():
        return model(image).argmax(1) # !
""",
    "after": """
model = Net()
for epoch in range(10):
    for x, y in train_loader:
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
correct = 0
with torch.no_grad():
    for x, y in test_loader:
        correct += (model(x).argmax(1) == y).sum().item() # !
""",
    "phase": """
def train_model(model, dataloaders, criterion, optimizer):
    for epoch in range(25):
        for phase in ["train", "val"]:
            if phase == "train":
                model.train()
            for inputs, labels in dataloaders[phase]:
                with torch.set_grad_enabled(phase == "train"):
                    outputs = model(inputs) # !
                    loss = criterion(outputs, labels)
                    if phase == "train":
                        loss.backward()
                        optimizer.step()
""",
    "run_epoch": """
def run_epoch(model, loader, optimizer=None, train=True):
    if train:
        model.train()
    for x, y in loader:
        out = model(x) # !
        if train:
            loss = criterion(out, y)
            loss.backward()
            optimizer.step()
def main(model, train_loader, val_loader):
    for epoch in range(9):
        run_epoch(model, train_loader, optimizer)
        with torch.no_grad():
            run_epoch(model, val_loader, train=False)
""",
    "gan": """
G, D = Net(), Net()
for epoch in range(9):
    for x in train_loader:
        D(G(x)).backward()
    with torch.no_grad():
        for x in test_loader:
            y = G(x) # !
""",
    "lists": """
models = [Net() for _ in range(5)]
for m in models:
    m.train()
    for x in train_loader:
        m(x).backward()
with torch.no_grad():
    for x in test_loader:
        y = sum(m(x) for m in models) # !
""",
    "midtrain": """
def fit(model):
    step = 0
    model.train()
    while step < total:
        for batch in train_loader:
            loss = model(batch).mean()
            loss.backward()
            optimizer.step()
            step += 1
            if step % 500 == 0:
                model.eval() # !
                with torch.no_grad():
                    val = [model(b) for b in val_loader]
""",
}

# The mode is told or restored in ways that are easy to overlook.
RIGHT = {
    "agent": """
class Agent:
    def train(self): self.n = 1
    def predict(self, x): return x
def evaluate(agent, test_set):
    agent.train()
    for x in test_set:
        y = agent.predict(x)
a = Agent()
evaluate(a, test_set)
""",
    "sk": """
from somewhere import Model
m = Model()
m.train()
for x in test_loader:
    y = m.predict(x)
""",
    "eval by name": """
def set_mode(model, training):
    if training: model.train()
    else: model.eval()
def main(model):
    set_mode(model, True)
    set_mode(model, False)
    with torch.no_grad():
        for x in val_loader: y = model(x)
""",
    "getattr": """
def main(model):
    model.train()
    getattr(model, "eval")()
    with torch.no_grad():
        for x in val_loader: y = model(x)
""",
    "func ref": """
def main(model):
    model.train()
    f = model.eval
    f()
    with torch.no_grad():
        for x in val_loader: y = model(x)
""",
    "unbound": """
def main():
    model = Net()
    nn.Module.eval(model)
    with torch.no_grad():
        for x in val_loader: y = model(x)
""",
    "setattr": """
def main():
    model = Net()
    setattr(model, "training", False)
    with torch.no_grad():
        for x in val_loader: y = model(x)
""",
    "nested attr eval": """
class T:
    def fit(self):
        self.net.train()
        self.toggle()
        with torch.no_grad():
            for x in self.val_loader: y = self.net(x)
    def toggle(self):
        for name, m in self.__dict__.items():
            m.eval()
""",
    "vars loop": """
class T:
    def fit(self):
        self.net.train()
        for n in ["net", "head"]:
            getattr(self, n).eval()
        with torch.no_grad():
            for x in self.val_loader: y = self.net(x)
""",
    "dict": """
class T:
    def __init__(self):
        self.models = {"a": Net()}
    def fit(self):
        for k in self.models: self.models[k].train()
        for k in self.models.keys(): self.models[k].eval()
        with torch.no_grad():
            for x in self.val_loader: y = self.models["a"](x)
""",
    "list idx": """
models = [Net(), Net()]
for i in range(2):
    models[i].eval()
with torch.no_grad():
    for x in val_loader: y = models[0](x)
""",
    "ema swap": """
def fit(model, ema):
    for x in train_loader:
        model(x).backward()
        opt.step()
        ema.apply_shadow(model)
        model.eval()
        validate_it(model)
        ema.restore(model)
        model.train()
""",
    "flag restore": """
def fit(model):
    for x in train_loader:
        model(x).backward()
        opt.step()
        mode = model.training
        model.eval()
        v = [model(x) for x in val_loader]
        if mode:
            model.train()
""",
    "loop fold": """
def fit(models):
    for fold in range(5):
        model = Net()
        for x in train_loader:
            model(x).backward()
            opt.step()
        model.eval()
        with torch.no_grad():
            for x in val_loader: y = model(x)
""",
    "break after eval": """
def fit(model):
    model.train()
    for x in train_loader:
        model(x).backward()
        opt.step()
        if done:
            model.eval()
            break
""",
    "return after eval": """
def fit(model):
    model.train()
    for x in train_loader:
        model(x).backward()
        opt.step()
        if done():
            model.eval()
            return model
""",
    "conditional train": """
def fit(model):
    for epoch in range(9):
        if not model.training:
            model.train()
        for x in train_loader:
            model(x).backward()
            opt.step()
        model.eval()
""",
    "attack": """
def fit(model):
    model.train()
    for x in train_loader:
        model.eval()
        adv = pgd(model, x)
        model.train()
        model(adv).backward()
        opt.step()
""",
    "freeze bn": """
def fit(model):
    for epoch in range(9):
        model.train()
        for m in model.modules():
            if isinstance(m, nn.BatchNorm2d): m.eval()
        for x in train_loader:
            model(x).backward()
            opt.step()
""",
    "vgg": """
def fit(model):
    vgg = Net().eval()
    for epoch in range(9):
        for x in train_loader:
            (vgg(model(x))).backward()
            opt.step()
        vgg.eval()
""",
    "partial": """
import functools
def main():
    model = Net()
    quiet = functools.partial(nn.Module.train, model, False)
    quiet()
    with torch.no_grad():
        for x in val_loader: y = model(x)
""",
    "method value": """
class T:
    def __init__(self):
        self.mode_fn = self.model.eval
    def fit(self):
        self.model.train()
        self.mode_fn()
        with torch.no_grad():
            for x in self.val_loader: y = self.model(x)
""",
}


def reported(program: str) -> set[int]:
    found = facts(SourceFile.from_text(HEAD + program, "program.py"))
    return {getattr(use.place.node, "lineno", 0) for uses in vars(found).values() for use in uses}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_reported(name: str) -> None:
    """At the marked line, and nowhere else."""
    text = HEAD + WRONG[name]
    marked = {number for number, line in enumerate(text.split("\n"), 1) if "# !" in line}
    assert reported(WRONG[name]) == marked


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_left_alone(name: str) -> None:
    """By a reference, by a name, by somebody who is not seen."""
    assert reported(RIGHT[name]) == set()
