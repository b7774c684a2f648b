"""The colours of the picture, for light pages and for dark ones."""

STYLE = """
text { font: 12px ui-monospace, Menlo, "DejaVu Sans Mono", Consolas, monospace; fill: #1e293b; }
.paper { fill: #ffffff; }
.head { font-size: 10.5px; fill: #334155; }
.name { font-weight: 600; }
.kind, .shape, .marks { font-size: 10.5px; fill: #64748b; }
.marks { fill: #334155; }
.frame { fill: #ffffff; stroke: #94a3b8; stroke-width: 1; }
.behind { fill: #f1f5f9; stroke: #cbd5e1; stroke-width: 1; }
.open > .frame { fill: #64748b; fill-opacity: .04; stroke: #cbd5e1; }
.steps > .frame { stroke-dasharray: 2 3; }
.operation > .frame, .input > .frame, .output > .frame { fill: #f1f5f9; stroke: #cbd5e1; }
.norm > .frame { fill: #dbeafe; stroke: #60a5fa; }
.noise > .frame, .dropout > .frame { fill: #ffedd5; stroke: #fb923c; }
.differs > .frame { stroke: #dc2626; stroke-width: 1.6; }
.train > .frame { stroke: #15803d; stroke-width: 1.6; stroke-dasharray: 5 3; }
.eval > .frame { stroke: #7e22ce; stroke-width: 1.6; stroke-dasharray: 5 3; }
.stuck > .frame { stroke: #9a3412; stroke-width: 2.4; }
.failed > .frame { stroke: #dc2626; stroke-width: 2.4; }
.badge { fill: #dc2626; }
.train > .badge { fill: #15803d; }
.eval > .badge { fill: #7e22ce; }
.stuck > .badge { fill: #9a3412; }
.open:not(.train):not(.eval):not(.stuck) > .badge { fill: #dc2626; }
.sign { font-size: 11px; font-weight: 700; fill: #ffffff; text-anchor: middle; }
.key { font-size: 11px; font-weight: 700; text-anchor: middle; fill: #dc2626; }
.train > .key { fill: #15803d; }
.eval > .key { fill: #7e22ce; }
.stuck > .key { fill: #9a3412; }
.wire { fill: none; stroke: #94a3b8; stroke-width: 1.3; }
.wire.train { stroke: #15803d; stroke-dasharray: 5 3; }
.wire.eval { stroke: #7e22ce; stroke-dasharray: 5 3; }
.arrow { fill: #94a3b8; }
.arrow.train { fill: #15803d; }
.arrow.eval { fill: #7e22ce; }
@media (prefers-color-scheme: dark) {
  text { fill: #e2e8f0; }
  .paper { fill: #0f172a; }
  .head, .marks { fill: #cbd5e1; }
  .kind, .shape { fill: #94a3b8; }
  .frame { fill: #1e293b; stroke: #64748b; }
  .behind { fill: #1e293b; stroke: #475569; }
  .open > .frame { fill: #94a3b8; fill-opacity: .07; stroke: #475569; }
  .operation > .frame, .input > .frame, .output > .frame { fill: #334155; stroke: #64748b; }
  .norm > .frame { fill: #1e3a5f; stroke: #60a5fa; }
  .noise > .frame, .dropout > .frame { fill: #5a3413; stroke: #fb923c; }
  .differs > .frame, .failed > .frame { stroke: #f87171; }
  .train > .frame, .wire.train { stroke: #4ade80; }
  .eval > .frame, .wire.eval { stroke: #c084fc; }
  .stuck > .frame { stroke: #fbbf24; }
  .key { fill: #f87171; }
  .stuck > .key { fill: #fbbf24; }
  .arrow.train, .train > .key { fill: #4ade80; }
  .arrow.eval, .eval > .key { fill: #c084fc; }
}
"""
