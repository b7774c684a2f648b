"""Noise that eval mode does not switch off: what is found, what is left alone, and what fixes make of it."""

from __future__ import annotations

import time

import pytest

from evalcheck import checks, rulebook
from evalcheck.finding import Sighting
from evalcheck.source import SourceFile
from evalcheck.source.triggers import Triggers

HEAD = """\
import random
import torch
import torch.nn.functional as F
from torch import nn

"""


def sightings(rule: str, body: str) -> list[Sighting]:
    """What a rule sees in a file, with the imports above it, if its page lets it read the file at all."""
    text = HEAD + body
    if not Triggers({rule: rulebook.find(rule).reads}).concerned(text.encode()):
        return []
    check = checks.find("source", rule)
    return list(check(SourceFile.from_text(text, "net.py"), dict(rulebook.find(rule).options)))


def in_forward(rule: str, *lines: str, init: str = "pass") -> list[Sighting]:
    """What a rule sees in the forward of a module."""
    code = "\n".join(f"        {line}" for line in lines)
    return sightings(
        rule,
        f"class Net(nn.Module):\n    def __init__(self, p):\n        super().__init__()\n        {init}\n\n"
        f"    def forward(self, q, k, v, mask=None, flag=False):\n{code}\n",
    )


SDPA = "F.scaled_dot_product_attention"


@pytest.mark.parametrize(
    "line",
    [
        f"return {SDPA}(q, k, v, dropout_p=self.p)",
        f"return {SDPA}(q, k, v, mask, self.drop.p)",
        f"return {SDPA}(q, k, v, None if flag else mask.to(q.dtype), self.p, False)",
        f"return {SDPA}(\n            q, k, v,\n            dropout_p = self.cfg.p\n        )",
        f"return {SDPA}(q, k, v, dropout_p=.1)",
        f"return {SDPA}(q, k, v, dropout_p=self.p) if flag else q",
        "return torch.nn.functional.scaled_dot_product_attention(q, k, v, dropout_p=self.p)",
        "return self.flash_attn_func(q, k, v, self.dropout)",
        "return xformers.ops.memory_efficient_attention(q, k, v, p=self.p)",
        "return attention_interface(self, q, k, v, mask, dropout=self.p)[0]",
    ],
)
def test_attention_with_a_raw_rate_is_an_error(line: str) -> None:
    """Whatever the spelling."""
    assert [s.strength for s in in_forward("attention-dropout-ungated", line)] == ["usual"]


@pytest.mark.parametrize(
    "lines",
    [
        (f"return {SDPA}(q, k, v, dropout_p=self.p if self.training else 0.0)",),
        (f"return {SDPA}(q, k, v, mask, self.p * self.training)",),
        (f"return {SDPA}(q, k, v, dropout_p=0.0)",),
        (f"return {SDPA}(q, k, v, dropout_p=0)",),
        ("p = self.p", "if not self.training:", "    p = 0.0", f"return {SDPA}(q, k, v, dropout_p=p)"),
        ("if not self.training:", "    return q", f"return {SDPA}(q, k, v, dropout_p=self.p)"),
        ("rate = self.rate()", f"return {SDPA}(q, k, v, dropout_p=rate)"),
        ("kwargs = dict(dropout_p=self.p)", f"return {SDPA}(q, k, v, **kwargs)"),
        ("assert not self.training", f"return {SDPA}(q, k, v, dropout_p=self.p)"),
        ("# Monte Carlo: noisy on purpose", f"return {SDPA}(q, k, v, dropout_p=self.p)"),
    ],
)
def test_attention_that_is_gated_is_left_alone(lines: tuple[str, ...]) -> None:
    """By the rate, by a local name, by a guard, or on purpose."""
    assert in_forward("attention-dropout-ungated", *lines) == []


def test_attention_rates_that_are_zero_or_switched_are_left_alone() -> None:
    """An attribute that is always zero, and one that another method sets by the mode."""
    line = f"return {SDPA}(q, k, v, dropout_p=self.p)"
    assert in_forward("attention-dropout-ungated", line, init="self.p = 0.0") == []
    assert in_forward("attention-dropout-ungated", line, init="self.p = p")
    switched = (
        "class Net(nn.Module):\n"
        "    def prepare(self):\n        self.p = 0.1 if self.training else 0.0\n\n"
        f"    def forward(self, q, k, v):\n        {line}\n"
    )
    assert sightings("attention-dropout-ungated", switched) == []


def test_attention_in_a_helper_that_only_training_calls_is_left_alone() -> None:
    """The guard stands at the call."""
    body = (
        "class Net(nn.Module):\n"
        "    def forward(self, q):\n        return self.noisy(q) if self.training else q\n\n"
        f"    def noisy(self, q):\n        return {SDPA}(q, q, q, dropout_p=self.p)\n"
    )
    assert sightings("attention-dropout-ungated", body) == []


def test_a_dropout_that_is_built_in_forward_is_found_and_given_the_mode() -> None:
    """By an edit that is not called safe."""
    (seen,) = in_forward("functional-dropout-ungated", "return nn.Dropout(self.p)(q)")
    assert seen.fix is not None
    assert not seen.fix.safe
    assert [edit.text for edit in seen.fix.edits] == [".train(self.training)"]
    assert in_forward("functional-dropout-ungated", "drop = nn.Dropout(0.0)", "return drop(q)") == []
    assert (
        in_forward(
            "functional-dropout-ungated", "if self.training:", "    q = nn.Dropout(0.5)(q)", "return q"
        )
        == []
    )
    kept = "drop = nn.Dropout(self.p)", "drop.eval()", "return drop(q)"
    assert in_forward("functional-dropout-ungated", *kept) == []


def one_dropout(
    name: str = "Net", doc: str = "A network.", above: str = "pass", beside: str = ""
) -> list[str]:
    """How an ungated dropout is reported in a class with these words around it."""
    text = f'class {name}(nn.Module):\n    """{doc}"""\n\n    def forward(self, x):\n'
    text += f"        {above}\n        return F.dropout(x, 0.5){beside}\n"
    return [s.strength for s in sightings("functional-dropout-ungated", text)]


@pytest.mark.parametrize(
    ("comment", "strength"),
    [
        ("# TODO: this is still on in eval mode, bug", "usual"),
        ("# no dropout at eval!", "usual"),
        ("# in eval mode this must be off", "usual"),
        ("# not MC dropout", "usual"),
        ("# not on purpose", "usual"),
        ("# FIXME: Monte Carlo dropout in eval mode", "usual"),
        ("# always on, should be off", "usual"),
        ("# evalcheck: ignore[functional-dropout-ungated] Monte Carlo", "usual"),
        ("# noqa: functional-dropout-ungated on purpose", "usual"),
        ("# always", "slight"),
        ("# noise", "slight"),
        ("# kept on at test time", "slight"),
        ("# always on", ""),
        ("# always applied", ""),
        ("# on purpose not gated", ""),
        ("# deliberately never off", ""),
        ("# must stay on even at inference", ""),
        ("# MC dropout", ""),
        ("# Monte Carlo: also when predicting", ""),
    ],
)
def test_comments_declare_noise_or_make_it_likelier_or_complain_of_it(comment: str, strength: str) -> None:
    """Beside the call and above it; beside the statement before it they say nothing of it."""
    expected = [strength] if strength else []
    assert one_dropout(beside=f"  {comment}") == expected
    assert one_dropout(above=comment) == expected
    assert one_dropout(above=f"x = x + 1  {comment}") == ["usual"]


@pytest.mark.parametrize(
    ("name", "strength"),
    [
        ("Ensemble", "slight"),
        ("NoisyNet", "slight"),
        ("ExploreNet", "slight"),
        ("AdversarialDiscriminator", "slight"),
        ("StochasticDepth", "slight"),
        ("DiversityHead", "slight"),
        ("BayesianHead", ""),
        ("MCDropoutNet", ""),
        ("Prenet", ""),
        ("PreNetwork", "usual"),
        ("DMCData", "usual"),
    ],
)
def test_names_of_classes_declare_noise_or_make_it_likelier(name: str, strength: str) -> None:
    """Only some leave no doubt."""
    assert one_dropout(name) == ([strength] if strength else [])


@pytest.mark.parametrize(
    ("doc", "strength"),
    [
        ("Classifier for augmented images.", "slight"),
        ("Robust to noise at test time.", "slight"),
        ("A network.\n\n    It was made for noisy images.\n    ", "usual"),
        ("This is not a Bayesian network.", "usual"),
        ("A network with Monte Carlo dropout.", ""),
        ("A network.\n\n    The dropout is not gated. It is always active.\n    ", ""),
    ],
)
def test_docstrings_declare_noise_or_make_it_likelier(doc: str, strength: str) -> None:
    """Sentence by sentence; of weak words only the first line counts."""
    assert one_dropout(doc=doc) == ([strength] if strength else [])


def test_the_code_of_a_neighbour_declares_nothing() -> None:
    """Only what stands in the call and in the conditions around it does."""
    assert one_dropout(above="x = self.bayesian(x)") == ["usual"]
    asked = "if self.mc_samples > 1:", "    q = F.dropout(q)", "return q"
    assert in_forward("functional-dropout-ungated", *asked) == []


def test_doubt_makes_attention_and_masks_milder_too() -> None:
    """The same words."""
    line = f"return {SDPA}(q, k, v, dropout_p=self.p)"
    assert [s.strength for s in in_forward("attention-dropout-ungated", f"{line}  # noise")] == ["slight"]
    line = "return q * torch.bernoulli(torch.full(q.shape, self.keep))  # noise"
    assert [s.strength for s in in_forward("random-op-ungated", line)] == ["slight"]


def test_a_forced_dropout_that_is_complained_of_is_found() -> None:
    """A word that explains it must not stand in a complaint."""
    line = "return F.dropout(q, training=True)"
    assert in_forward("dropout-forced-on", f"{line}  # resampled") == []
    assert in_forward("dropout-forced-on", f"{line}  # TODO: wrong in eval")


def test_a_function_that_init_keeps_is_found_and_told_the_mode() -> None:
    """Under whatever attribute; a layer there knows the mode."""
    rule, line = "functional-dropout-ungated", "return self.dropout(q, 0.3)"
    (seen,) = in_forward(rule, line, init="self.dropout = F.dropout")
    assert seen.fix is not None
    assert [edit.text for edit in seen.fix.edits] == [", training=self.training"]
    assert (
        in_forward(rule, "return self.dropout(q, 0.3, self.training)", init="self.dropout = F.dropout") == []
    )
    assert in_forward(rule, line, init="self.dropout = nn.Dropout(p)") == []


def test_modules_that_only_training_calls_are_left_alone() -> None:
    """By the module that keeps them."""
    body = (
        "class Noise(nn.Module):\n    def forward(self, x):\n        return F.dropout(x)\n\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.noise = Noise()\n\n    def forward(self, x):\n"
        "        return self.noise(x) if self.training else x\n"
    )
    assert sightings("functional-dropout-ungated", body) == []
    always = body.replace(" if self.training else x", "")
    assert len(sightings("functional-dropout-ungated", always)) == 1


def test_a_file_of_many_classes_is_read_in_one_pass() -> None:
    """What is kept and called where is looked up once, not once for each class."""
    one = "class Net{0}(nn.Module):\n    def forward(self, x):\n        return F.dropout(self.f{0}(x))\n\n"
    body = "".join(one.format(number) for number in range(600))
    start = time.process_time()
    assert len(sightings("functional-dropout-ungated", body)) == 600
    assert time.process_time() - start < 3


def test_a_factory_may_build_a_dropout() -> None:
    """It is kept by whoever asks for it."""
    body = (
        "def head(width, p):\n    drop = nn.Dropout(p)\n    return nn.Sequential(drop, nn.Linear(width, 2))\n"
    )
    assert sightings("functional-dropout-ungated", body) == []


@pytest.mark.parametrize("name", ["train_step", "add_noise", "augment"])
def test_helpers_of_training_are_left_alone(name: str) -> None:
    """Their names say that evaluation does not call them, or that noise is their work."""
    assert sightings("functional-dropout-ungated", f"def {name}(x):\n    return F.dropout(x)\n") == []


def test_a_hook_that_drops_at_a_rate_of_its_own_is_left_alone() -> None:
    """Dropping may be what it is there for."""
    body = "class Skip:\n    def __call__(self, x):\n        return F.dropout(x, p=self.p)\n"
    assert sightings("functional-dropout-ungated", body) == []
    raw = body.replace("self.p", "0.1")
    assert [s.strength for s in sightings("functional-dropout-ungated", raw)] == ["slight"]


@pytest.mark.parametrize("name", ["cond_drop_prob", "class_dropout", "text_drop_rate"])
def test_conditions_that_a_generator_learns_to_do_without_are_left_alone(name: str) -> None:
    """Whoever samples from the model passes conditions of its own."""
    assert in_forward("random-op-ungated", f"return q * (torch.rand(len(q)) > self.{name})") == []


def test_a_template_method_of_another_class_is_reached() -> None:
    """The forward of the base runs what the child defines."""
    body = (
        "class Base(nn.Module):\n    def forward(self, x):\n        return self.encode(x)\n\n"
        "class Net(Base):\n    def encode(self, x):\n        return F.dropout(x)\n"
    )
    assert [s.strength for s in sightings("functional-dropout-ungated", body)] == ["usual"]


@pytest.mark.parametrize(
    ("lines", "strength"),
    [
        (("return q * q.new_empty(q.shape).bernoulli_(1 - self.dropout)",), "usual"),
        (("keep = 1 - self.drop_prob", "return q * torch.bernoulli(torch.full(q.shape, keep))"), "usual"),
        (
            ("keep = 1 - self.drop_prob", "noise = keep + torch.rand(q.shape)", "return q * noise.floor_()"),
            "usual",
        ),
        (("mask = torch.rand(q.shape) < self.keep_prob", "return q * mask"), "usual"),
        (("if random.random() < self.layerdrop:", "    return q", "return k"), "usual"),
        (("return F.gumbel_softmax(q)",), "usual"),
        (("if random.random() < self.rate:", "    return q", "return k"), "slight"),
        (("return F.gumbel_softmax(q) if self.training else q.softmax(-1)",), ""),
        (("if self.training and random.random() < self.layerdrop:", "    return q", "return k"), ""),
        (("if random.random() < self.layerdrop and self.training:", "    return q", "return k"), ""),
        (("if not self.training:", "    return q", "return q * torch.bernoulli(q * self.keep)"), ""),
        (("keep = 1 - self.drop if self.training else 1", "return q * q.clone().bernoulli_(keep)"), ""),
        (("mask = (torch.rand(len(q), 1) > 0.2).float()", "return q * mask / 0.8"), "slight"),
        (("return q * (torch.rand_like(q) > 0.1)",), "slight"),
        (("if torch.rand(1) < 0.1:", "    q = q * 0", "return q"), "slight"),
        (("return q + torch.randn_like(q) * 0.1",), "slight"),
        (("q += 0.1 * torch.randn(q.shape)", "return q"), "slight"),
        (("mask = torch.rand(len(q), 1) > 0.2 if self.training else 1", "return q * mask"), ""),
        (("if self.training and torch.rand(1) < 0.1:", "    q = q * 0", "return q"), ""),
        (("if self.self_cond and random.random() < 0.5:", "    q = self.f(q)", "return q"), ""),
        (("return torch.where(torch.rand_like(q) > 0.5, q, k)",), ""),
        (("return q + torch.randn_like(q) * 2",), ""),
        (("return torch.multinomial(q.softmax(-1), 1)",), ""),
        (("return q + torch.randn_like(q) * k.exp()",), ""),
        (("return q[torch.randperm(len(q))]",), ""),
        (("return torch.bernoulli(q)",), ""),
    ],
)
def test_draws_in_a_forward(lines: tuple[str, ...], strength: str) -> None:
    """Only those of which the purpose can be told, and milder where it is guessed."""
    assert [s.strength for s in in_forward("random-op-ungated", *lines)] == ([strength] if strength else [])


def test_functions_that_never_work_are_found_where_a_forward_runs_them() -> None:
    """And left alone where a branch of evaluation, a name or the caller's statistics explain it."""
    rule = "functional-never-active"
    assert in_forward(rule, "return F.alpha_dropout(q, 0.1)")
    assert in_forward(rule, "return F.batch_norm(q, self.mean, self.var)", init="self.mean = p")
    assert in_forward(rule, "return F.batch_norm(q, k, v)") == []
    moved = "self.mean.lerp_(q.mean(0), 0.1)", "return F.batch_norm(q, self.mean, self.var)"
    assert in_forward(rule, *moved) == []
    assert in_forward(rule, "return F.batch_norm(q, self.mean, self.var, None, None, True)") == []


@pytest.mark.parametrize(
    ("layers", "strengths"),
    [
        ("nn.Linear(4, 4), nn.ReLU(), nn.Dropout1d(0.1)", ["usual"]),
        ("nn.Linear(4, 4), nn.Dropout2d(0.1)", ["slight"]),
        ("nn.Embedding(4, 4), nn.Dropout2d(0.1)", ["usual"]),
        ("nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.Dropout3d(0.1)", ["usual"]),
        ("nn.Conv2d(4, 4, 3), nn.Dropout2d(0.1), nn.Flatten(), nn.Linear(4, 4)", []),
        ("nn.Conv1d(4, 4, 3), nn.Dropout2d(0.1)", []),
        ("nn.Linear(4, 4), Rearrange('b t c -> b c t'), nn.Dropout1d(0.1)", []),
        ("nn.Linear(4, 4), nn.Dropout1d(0.0)", []),
    ],
)
def test_dropouts_in_a_written_sequence(layers: str, strengths: list[str]) -> None:
    """What stands before them tells the shape, or nothing does."""
    seen = sightings("dropout-shape-mismatch", f"net = nn.Sequential({layers})\n")
    assert [s.strength for s in seen] == strengths


@pytest.mark.parametrize(
    "given",
    [
        ("if not self.training:", "    d = 0.0", "else:", "    d = self.p"),
        ("if self.training:", "    d = self.p", "else:", "    d = 0.0"),
        ("d = self.p", "if not self.training:", "    d = 0.0"),
        ("d = self.p", "if flag:", "    if not self.training:", "        d = 0.0"),
        ("d = 0.0", "train = self.training", "if train:", "    d = self.p"),
        ("e = self.p", "if not self.training:", "    e = 0.0", "d = e"),
        ("d = self.p", "d *= self.training"),
    ],
)
@pytest.mark.parametrize(
    ("rule", "use"),
    [
        ("attention-dropout-ungated", f"return {SDPA}(q, k, v, dropout_p=d)"),
        ("functional-dropout-ungated", "return F.dropout(q, d)"),
        ("functional-dropout-ungated", "return F.dropout(q, d) if d > 0.0 else q"),
        ("functional-dropout-ungated", "return F.dropout(q, 0.1) if d else q"),
        ("random-op-ungated", "keep = 1 - self.dropout * d\n        return q * q.clone().bernoulli_(keep)"),
    ],
)
def test_a_rate_that_statements_set_by_the_mode_is_left_alone(
    given: tuple[str, ...], rule: str, use: str
) -> None:
    """Every assignment of the local name counts, with the test that it stands under."""
    # The page lets attention by a local name be asked about only beside another rate.
    beside = (f"if self.training:\n            k = {SDPA}(q, k, v, dropout_p=self.p)",)
    assert in_forward(rule, *beside, *given, use) == []


def test_a_test_of_something_else_gates_no_rate() -> None:
    """Only the mode does, and only where it sets the name in the rate or in the test."""
    for test in ("flag", "mask is None"):
        lines = "d = self.p", f"if {test}:", "    d = 0.0"
        seen = in_forward(
            "attention-dropout-ungated",
            "# dropout_p = self.p,",
            *lines,
            f"return {SDPA}(q, k, v, dropout_p=d)",
        )
        assert [s.strength for s in seen] == ["usual"]
        assert in_forward("functional-dropout-ungated", *lines, "return F.dropout(q, d)")
    lines = "if self.training:", "    q = q + 1", "d = self.p", "return F.dropout(q, d)"
    assert [s.strength for s in in_forward("functional-dropout-ungated", *lines)] == ["usual"]


@pytest.mark.parametrize(
    ("test", "strength"),
    [
        ("self.use_drop", "slight"),
        ("flag is None and not self.cfg.no_dropout", "slight"),
        ("self.dropout_rate", "usual"),
        ("self.p_drop > 0", "usual"),
        ("self.wide", "usual"),
    ],
)
def test_a_dropout_behind_a_switch_is_milder(test: str, strength: str) -> None:
    """It may be off; a rate is no switch."""
    lines = f"if {test}:", "    q = F.dropout(q, 0.1)", "return q"
    assert [s.strength for s in in_forward("functional-dropout-ungated", *lines)] == [strength]
    lines = "if self.drop:", "    q = F.dropout(q, self.drop)", "return q"
    assert [s.strength for s in in_forward("functional-dropout-ungated", *lines)] == ["usual"]


@pytest.mark.parametrize(
    ("name", "doc", "strength"),
    [
        ("dropout_random", "Drop.", "slight"),
        ("thin", "Drop.\n\n    It perturbs the features.\n    ", "slight"),
        ("thin", "Drop.", "usual"),
    ],
)
def test_helpers_that_perturb_are_milder(name: str, doc: str, strength: str) -> None:
    """By their name, or anywhere in their docstring."""
    body = (
        f'def {name}(x):\n    """{doc}"""\n    return F.dropout2d(x, 0.3)\n\n'
        f"class Net(nn.Module):\n    def forward(self, x):\n        return self.f([{name}(i) for i in x])\n"
    )
    assert [s.strength for s in sightings("functional-dropout-ungated", body)] == [strength]


@pytest.mark.parametrize(
    ("lines", "strength"),
    [
        (
            (
                "n = torch.randn_like(q)",
                "d = random.random() < self.drop_prob",
                "return F.mse_loss(n, k * d)",
            ),
            "",
        ),
        (
            (
                "t = torch.rand(len(q))",
                "if random.random() < self.drop_prob:",
                "    q = t",
                "loss = q",
                "return loss",
            ),
            "",
        ),
        (
            (
                "t = torch.rand([])",
                "if random.random() < self.layerdrop:",
                "    q = k",
                "loss = q if t < k.mean() else k",
                "return loss",
            ),
            "usual",
        ),
        (
            ("n = torch.randn_like(q)", "if random.random() < self.layerdrop:", "    q = n", "return q"),
            "usual",
        ),
        (("choice = F.gumbel_softmax(q)", "return k, choice, q.softmax(-1)"), "slight"),
        (("return {'hard': F.gumbel_softmax(q), 'soft': q}",), "slight"),
        (("choice = F.gumbel_softmax(q)", "return k * choice, choice"), "usual"),
    ],
)
def test_objectives_are_left_alone_and_choices_are_milder(lines: tuple[str, ...], strength: str) -> None:
    """A loss of noise is for training; what is returned beside other values may go unused."""
    assert [s.strength for s in in_forward("random-op-ungated", *lines)] == ([strength] if strength else [])


@pytest.mark.parametrize(
    ("name", "count"), [("DropPath", 1), ("StochasticDropout", 1), ("Mixer", 0)], ids=lambda value: str(value)
)
def test_a_rate_called_p_is_one_of_dropping_where_its_class_says_so(name: str, count: int) -> None:
    body = (
        f"class {name}(nn.Module):\n    def forward(self, x):\n        keep = 1 - self.p\n"
        "        mask = torch.floor(keep + torch.rand(x.shape[0], 1, 1))\n        return x / keep * mask\n"
    )
    assert len(sightings("random-op-ungated", body)) == count
