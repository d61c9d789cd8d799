"""The policy pack: rules that `pulumi preview --policy-pack policies` enforces.

`resource` defines the input of a rule. `rules/` has a module of rules for each subject; rules are pure functions and do
not use Pulumi. `pack` names the rules, and `serve` provides them to the engine with Pulumi's library, which needs an
environment of its own (`make policies`).
"""
