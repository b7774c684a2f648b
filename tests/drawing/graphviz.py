"""Reads Graphviz source by its grammar, as far as drawings use it: https://graphviz.org/doc/info/lang.html."""

from __future__ import annotations

import re

TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(->)|([A-Za-z_]\w*|-?\d+(?:\.\d+)?|#\w+)|([\[\]{};,=]))')


def read(source: str) -> tuple[set[str], set[tuple[str, str]], list[str]]:
    """The nodes, the edges and the labels. Raises ``ValueError`` for what is no graph."""
    tokens, at = [], 0
    while source[at:].strip():
        match = TOKEN.match(source, at)
        if match is None:
            raise ValueError(f"not Graphviz: {source[at : at + 40]!r}")
        tokens.append(match.group().strip())
        at = match.end()
    if tokens[:3] != ["digraph", "model", "{"] or tokens[-1] != "}":
        raise ValueError("not a digraph")
    nodes: set[str] = set()
    edges: set[tuple[str, str]] = set()
    labels: list[str] = []
    rest = _statements(tokens[3:], nodes, edges, labels)
    if rest:
        raise ValueError(f"after the end: {rest[:4]}")
    return nodes, edges, labels


def _statements(
    tokens: list[str], nodes: set[str], edges: set[tuple[str, str]], labels: list[str]
) -> list[str]:
    """Up to the brace that ends them; what stands after it."""
    while tokens[0] != "}":
        name, following = tokens[0], tokens[1]
        if name == "subgraph":
            if tokens[2] != "{":
                raise ValueError(f"subgraph {tokens[1]} has no body")
            tokens = _statements(tokens[3:], nodes, edges, labels)
            continue
        if following == "=":
            tokens = _attribute(tokens, labels)
        elif following == "->":
            edges.add((name, tokens[2]))
            tokens = _attributes(tokens[3:], labels)
        else:
            if name not in ("node", "edge"):
                nodes.add(name)
            tokens = _attributes(tokens[1:], labels)
        if tokens[0] == ";":
            tokens = tokens[1:]
    return tokens[1:]


def _attributes(tokens: list[str], labels: list[str]) -> list[str]:
    if tokens[0] != "[":
        return tokens
    tokens = tokens[1:]
    while tokens[0] != "]":
        tokens = _attribute(tokens, labels)
        if tokens[0] == ",":
            tokens = tokens[1:]
    return tokens[1:]


def _attribute(tokens: list[str], labels: list[str]) -> list[str]:
    if tokens[1] != "=" or tokens[2] in "[]{};,=":
        raise ValueError(f"no attribute: {tokens[:4]}")
    if tokens[0] == "label":
        labels.append(tokens[2].strip('"').replace('\\"', '"'))
    return tokens[3:]
