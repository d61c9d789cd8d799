"""The policy pack: what `pulumi preview --policy-pack policies` refuses, whatever an edit asks for.

`resource` is what a rule sees, `rules/` are the rules, one subject each, pure functions without Pulumi; `pack` names
them, `serve` gives them to the engine by Pulumi's library, which needs an environment of its own (`make policies`).
"""
