"""Small trained models with a label: healthy, or one planted fault whose cause and module are known.

``case`` says what a label is; ``data``, ``nets`` and ``training`` are what models are made of; ``truth``
measures, with ``measuring``, that labels are true; ``records``, ``roc`` and ``printed`` hold what evalcheck
said against them. Every other file holds cases of one or two labels: a function under
``@case(label, culprits, rules=...)`` that returns a :class:`~labelled_models.case.Trained`. A new file counts
by being there; models that were written after the thresholds were frozen say ``half="frozen"``.
"""
