"""Common mistakes in nodes.yaml, and the message for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodefile import NodeFileError, load

ID = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
PRESETS = (
    "gen-xs, gen-sm, gen-md, gen-lg, gen-xl, gen-2xl, cpu-xs, cpu-sm, cpu-md, cpu-lg, cpu-xl, cpu-2xl, "
    "mem-xs, mem-sm, mem-md, mem-lg, mem-xl, mem-2xl, mem-3xl, mem-4xl"
)


def node(line: str = "", name: str = "alpha", model: str = ID) -> str:
    """Return a file with a valid node and one more line (the node's fifth, line 6 of the file)."""
    return f"nodes:\n  {name}:\n    model: {model}\n    cloud: aws\n    source: m\n" + (f"    {line}\n" if line else "")


AMOUNT = 'expected an amount with a unit (GiB or MiB), such as "8GiB"'
DURATION = 'expected a duration such as "90m", "2h" or "1h30m"'
CRON = 'expected a cron line of five fields (minute hour day month weekday) such as "0 14 * * 2-6"'
MODEL = "is not a model's name: expected letters, digits, _, - and dots, or the model's UUID."
READABLE = "and `env` is readable in nodes.yaml, in the stack's state and in the cloud's console:"
SECRET = (
    f"looks like a secret, {READABLE} write `secrets: [{{0}}]` instead, and set the value with "
    "`pulumi config set --secret {0}`."
)
SECRET_VALUE = (
    f"{READABLE} name the variable in `secrets` instead, set the value with `pulumi config set --secret NAME`, and "
    "replace it where it was issued if this file was committed."
)
SECRET_NAME = (
    "is not a valid name of a secret; expected at most 64 capitals, digits and single underscores, such as "
    "EODHD_TOKEN. The value is not part of nodes.yaml."
)
GITHUB, ACCOUNT = f"ghp_{'aB3' * 12}", "my-model@my-project.iam.gserviceaccount.com"
IDENTITY = (
    "expected /subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.ManagedIdentity/userAssignedIdentities/NAME "
    "(`az identity show --query id` prints it)."
)
POLICY = "expected one such as arn:aws:iam::123456789012:policy/read-my-bucket."
DEFAULT_ACCOUNT = (
    "is a default service account, which may often change everything in its project; create an account for the model "
    "and grant it what the model needs."
)
ADDRESS = (
    "6:23: alerts.webhook: expected the name of a secret, got an address. Put the address into the stack's "
    "configuration, such as `pulumi config set --secret alert-webhook https://...`, and write alert-webhook here. An "
    "address that was in a file under version control should be replaced."
)
NO_SECRET = (
    "6:25: alerts.heartbeat: 'numerai-secret' cannot name a secret with an address; expected at most 40 lower-case "
    "letters, digits and single hyphens, such as alert-webhook, not beginning with numerai-."
)
STRAIGHT = "YAML knows only \" and '."
BREAKING = "the value has a space that is not an ordinary one: type it again"
NAME = "expected lower-case letters, digits and single hyphens, beginning with a letter."
QUOTES = "some YAML parsers do not read {} as a string. Quote it: "

BAD: list[tuple[str, str | bytes, list[str]]] = [
    ("empty", "", ["1:1: the file is empty. Expected `nodes:` with at least one node."]),
    (
        "an address in alerts",
        node("alerts: {webhook: 'https://discord.com/api/webhooks/1/token'}"),
        [ADDRESS],
    ),
    (
        "alerts by an unknown way",
        node("alerts: {slack: alert-slack}"),
        ['6:14: alerts: alerts has no key "slack"; expected webhook, email and heartbeat.'],
    ),
    (
        "alerts that are on",
        node("alerts: true"),
        ["6:13: alerts: expected webhook, email or heartbeat, or false, got true."],
    ),
    (
        "an e-mail address without a host",
        node("alerts: {email: me}"),
        ["6:21: alerts.email: expected an e-mail address such as me@example.com, got 'me'."],
    ),
    (
        "a secret of alerts named as a key",
        node("alerts: {heartbeat: numerai-secret}"),
        [NO_SECRET],
    ),
    ("only comments", "# nothing\n", ["1:1: the file is empty. Expected `nodes:` with at least one node."]),
    ("a list", "- a\n", ["1:1: expected `nodes:` with a node under it, got a list or a single value."]),
    ("a word", "nodes\n", ["1:1: expected `nodes:` with a node under it, got a list or a single value."]),
    ("no nodes", "defaults: {}\n", ["1:1: there are no nodes. Expected `nodes:` with at least one node under it."]),
    ("nodes empty", "nodes: {}\n", ["1:8: there are no nodes. Expected `nodes:` with at least one node under it."]),
    ("nodes a list", "nodes: [a]\n", ["1:8: there are no nodes. Expected `nodes:` with at least one node under it."]),
    (
        "a key indented like a node",
        node() + "  timeout: 60\n",
        ["6:12: expected keys such as `cloud:` and `source:` under timeout."],
    ),
    (
        "two documents",
        node() + "---\n{}\n",
        ["7:1: a second YAML document begins here, and only one is allowed. Remove the ---."],
    ),
    ("tab", "nodes:\n\talpha: {}\n", ["2:1: YAML cannot be indented with tabs. Use spaces."]),
    (
        "open bracket",
        "nodes: [\n",
        ["2:1: this is not valid YAML: expected the node content, but found '<stream end>'."],
    ),
    ("not UTF-8", b"nodes:\n  \xff: {}\n", ["2:3: this is not UTF-8 text. Save the file as UTF-8."]),
    (
        "control characters",
        b"nodes: \x00\n",
        ["1:8: there is a control character here. Remove it, and save the file as plain text."],
    ),
    ("unknown alias", "nodes: *x\n", ["1:8: undefined alias 'x': no value has this anchor (&name)."]),
    (
        "alias bomb",
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{b}: &{b} [{','.join(['*' + a] * 10)}]\n" for a, b in zip("abcde", "bcdef", strict=True)),
        ["1:22: with its aliases expanded, the file has more than 250000 values."],
    ),
    (
        "an alias of itself",
        "nodes: &n\n  alpha: *n\n",
        ["1:8: an alias (*name) is inside the value that it refers to; write the values out."],
    ),
    ("merge key", node("<<: {a: b}"), ["6:5: merge keys (<<) are not supported. Put shared values under `defaults`."]),
    ("a tag", node("region: !ref x"), ["6:13: the tag !ref is not supported; write a plain value."]),
    ("a key that is a list", node("? [a]\n    : b"), ["6:7: a key must be a word, not a list or a mapping."]),
    ("twice the same key", node("cloud: gcp"), ['6:5: the key "cloud" is repeated; it is already in line 4.']),
    (
        "twice the same node",
        node() + "  alpha: {}\n",
        ['6:3: the key "alpha" is repeated; it is already in line 2.'],
    ),
    ("twice deep inside", node("env: {A: b, A: c}"), ['6:17: the key "A" is repeated; it is already in line 6.']),
    (
        "unknown at the top",
        node() + "nodse: {}\n",
        ['6:1: "nodse" is not a top-level key; expected `defaults`, `nodes` or `stacks`. Did you mean "nodes"?'],
    ),
    ("unknown key", node("regoin: x"), ['6:5: "regoin" is not a key of a node. Did you mean "region"?']),
    ("unknown key, nothing near", node("zzz: x"), ['6:5: "zzz" is not a key of a node.']),
    (
        "unknown in defaults",
        "defaults: {sise: a}\n" + node(),
        ['1:12: "sise" is not a key of a node. Did you mean "size"?'],
    ),
    (
        "a node that is a word",
        "nodes:\n  alpha: aws\n",
        ["2:10: expected keys such as `cloud:` and `source:` under alpha."],
    ),
    ("model missing", "nodes:\n  alpha: {cloud: aws, source: m}\n", ["2:3: node alpha has no `model`."]),
    (
        "model in defaults",
        "defaults: {model: x}\n" + node(),
        ["1:12: each node has its own model: move `model` from `defaults` to the node."],
    ),
    ("model a number", node(model="371"), ['3:12: model: expected a string, got 371. Quote it: "371".']),
    ("model empty", node(model='""'), ["3:12: model: expected a string, got an empty one."]),
    ("model with a key", node(model="model:m1"), [f"3:12: model: 'model:m1' {MODEL}"]),
    ("model a path", node(model="'../x'"), [f"3:12: model: '../x' {MODEL}"]),
    ("model with a space", node(model="my model"), [f"3:12: model: 'my model' {MODEL}"]),
    ("smart quotes", node(model="“mine”"), [f"3:12: the value is in typographic quotes: {STRAIGHT}"]),
    ("smart quotes in env", node("env: {A: it’s, B: ‘x’}"), [f"6:23: the value is in typographic quotes: {STRAIGHT}"]),
    ("a non-breaking space", node("region:  \u00a0us-east-1"), [f"6:14: {BREAKING} (U+00A0)."]),
    ("a zero-width space", node("command: [python, x\u200b.py]"), [f"6:23: {BREAKING} (U+200B)."]),
    ("model no", node(model="no"), ["3:12: model: " + QUOTES.format("no") + '"no".']),
    (
        "one model twice",
        node() + node(name="beta", model=ID.upper()).removeprefix("nodes:\n"),
        ["7:12: model: node alpha already runs this model; Numerai calls one webhook for each model."],
    ),
    (
        "one name twice",
        node(model="my_model") + node(name="beta", model="my_model").removeprefix("nodes:\n"),
        ["7:12: model: node alpha already runs this model; Numerai calls one webhook for each model."],
    ),
    ("capitals in a name", node(name="Alpha"), [f'2:3: "Alpha" is not a valid node name on all clouds; {NAME}']),
    ("underscore in a name", node(name="my_node"), [f'2:3: "my_node" is not a valid node name on all clouds; {NAME}']),
    ("two hyphens", node(name="a--b"), [f'2:3: "a--b" is not a valid node name on all clouds; {NAME}']),
    ("a number as a name", node(name="7"), [f'2:3: "7" is not a valid node name on all clouds; {NAME}']),
    ("a long name", node(name="a" * 21), [f'2:3: "{"a" * 21}" has 21 characters; a node name has 2 to 20.']),
    ("a short name", node(name="a"), ['2:3: "a" has 1 character; a node name has 2 to 20.']),
    (
        "unknown cloud",
        node("tournament: clasic"),
        ["6:17: tournament: expected classic, signals or crypto, got 'clasic'. Did you mean \"classic\"?"],
    ),
    ("size", node("size: gen-mdd"), ['6:11: size: there is no size "gen-mdd". Did you mean "gen-md"?']),
    ("size far off", node("size: 7"), ['6:11: size: expected a preset such as "gen-md", or cpu and memory, got 7.']),
    ("size unknown word", node("size: zzzzzz"), [f'6:11: size: there is no size "zzzzzz". The sizes are {PRESETS}.']),
    (
        "size without memory",
        node("size: {cpu: 2}"),
        ["6:11: size: size also needs memory, such as {cpu: 2, memory: 8GiB}."],
    ),
    ("size key", node("size: {cpu: 2, ram: 8GiB}"), ['6:20: size: size has no key "ram"; expected cpu and memory.']),
    (
        "memory unit",
        node("size: {cpu: 2, memory: 8GB}"),
        [f"6:28: size.memory: {AMOUNT}, got '8GB'. Did you mean \"8GiB\"?"],
    ),
    ("memory number", node("size: {cpu: 2, memory: 8}"), [f'6:28: size.memory: {AMOUNT}, got 8. Did you mean "8GiB"?']),
    (
        "cpu zero",
        node("size: {cpu: 0, memory: 8GiB}"),
        ["6:17: size.cpu: expected a number of vCPUs above zero, such as 2 or 0.5, got 0."],
    ),
    (
        "cpu text",
        node("size: {cpu: two, memory: 8GiB}"),
        ["6:17: size.cpu: expected a number of vCPUs above zero, such as 2 or 0.5, got 'two'."],
    ),
    ("timeout number", node("timeout: 60"), [f'6:14: timeout: {DURATION}, got the number 60. Did you mean "60m"?']),
    ("timeout clock", node('timeout: "1:30"'), [f"6:14: timeout: {DURATION}, got '1:30'. Did you mean \"1h30m\"?"]),
    (
        "timeout sexagesimal",
        node("timeout: 1:30"),
        [f"6:14: timeout: {DURATION}, got '1:30'. Did you mean \"1h30m\"?"],
    ),
    ("timeout zero", node("timeout: 0m"), [f"6:14: timeout: {DURATION}, got '0m', which is zero."]),
    (
        "disk",
        node("disk: 50"),
        ['6:11: disk: expected an amount with a unit (GiB), such as "8GiB", got 50. Did you mean "50GiB"?'],
    ),
    ("cron fields", node('schedule: "0 14 * *"'), [f"6:15: schedule: {CRON}, got 4 in '0 14 * *'."]),
    (
        "cron of numerai-cli",
        node('schedule: "0 14 ? * * *"'),
        [
            (
                f"6:15: schedule: {CRON}, got 6 in '0 14 ? * * *'. "
                "Lines of six fields are in a cloud's own format. From AWS: remove the last field (the year), write * "
                "for ?, and subtract 1 from each weekday number (Sunday is 1 on AWS and 0 here). From Azure: remove "
                "the first field (the second)."
            )
        ],
    ),
    (
        "cron of AWS",
        node('schedule: "cron(0 14 ? * TUE-SAT *)"'),
        [
            (
                '6:15: schedule: expected a cron line of five fields such as "0 14 * * 2-6", '
                "got 'cron(0 14 ? * TUE-SAT *)', which is AWS's format. "
                "Remove cron() and the year, write * for ?, and count weekdays from 0 (Sunday)."
            )
        ],
    ),
    ("cron value", node('schedule: "0 24 * * *"'), ["6:15: schedule: hour '24' is not between 0 and 23."]),
    ("cron range", node('schedule: "0 9-5 * * *"'), ["6:15: schedule: hour '9-5' ends before it begins."]),
    ("cron step", node('schedule: "*/0 * * * *"'), ["6:15: schedule: minute '*/0' has a step of zero."]),
    (
        "cron that never fires",
        node('schedule: "0 0 30 2 *"'),
        ["6:15: schedule: '0 0 30 2 *' never fires: none of its months has that day."],
    ),
    (
        "time zone",
        node("schedule: {cron: '0 14 * * *', timezone: Europe/Berlni}"),
        [
            (
                '6:46: schedule.timezone: there is no time zone "Europe/Berlni"; '
                'expected a name such as Europe/Berlin. Did you mean "Europe/Berlin"?'
            )
        ],
    ),
    (
        "schedule without cron",
        node("schedule: {timezone: UTC}"),
        ['6:15: schedule: schedule needs a cron line, such as {cron: "0 14 * * 2-6", timezone: UTC}.'],
    ),
    ("env number", node("env: {A: 1}"), ['6:14: env.A: expected a string, got 1. Quote it: "1".']),
    ("env bool", node("env: {A: true}"), ['6:14: env.A: expected a string, got true. Quote it: "true".']),
    ("env no", node("env: {A: no}"), ["6:14: env.A: " + QUOTES.format("no") + '"no".']),
    ("env octal", node("env: {A: 010}"), ["6:14: env.A: " + QUOTES.format("010") + '"010".']),
    ("env date", node("env: {A: 2026-01-02}"), ["6:14: env.A: " + QUOTES.format("2026-01-02") + '"2026-01-02".']),
    ("env underscored number", node("env: {A: 1_000}"), ["6:14: env.A: " + QUOTES.format("1_000") + '"1_000".']),
    (
        "env name",
        node("env: {MY-NAME: a}"),
        ['6:11: env: "MY-NAME" is not a valid variable name; expected letters, digits and _, such as MY_NAME.'],
    ),
    (
        "env of ours",
        node("env: {TRIGGER_ID: a}"),
        ["6:11: env: TRIGGER_ID is set automatically for every node; choose another name."],
    ),
    (
        "keys in env",
        node("env: {NUMERAI_SECRET_KEY: a}"),
        [
            (
                "6:11: env: NUMERAI_SECRET_KEY begins with NUMERAI_, which is reserved for the API keys; "
                "choose another name."
            )
        ],
    ),
    ("a secret in env", node("env: {API_TOKEN: sk-123}"), [f"6:11: env: API_TOKEN {SECRET.format('API_TOKEN')}"]),
    (
        "secrets in env",
        node("env: {password: x, MYAPIKEY: y, MAX_TOKENS: '5', DB_SECRET: ''}"),
        [
            f"6:11: env: password {SECRET.format('PASSWORD')}",
            f"6:24: env: MYAPIKEY {SECRET.format('MYAPIKEY')}",
        ],
    ),
    (
        "values in env that are secrets",
        node(f"env: {{A: {GITHUB}, B: 'postgres://me:word@db/prices'}}"),
        [
            f"6:14: env.A: the value looks like a GitHub token, {SECRET_VALUE}",
            f"6:59: env.B: the value looks like an address with a password, {SECRET_VALUE}",
        ],
    ),
    (
        "secrets a word",
        node("secrets: X"),
        ["6:14: secrets: expected a list of names, such as [EODHD_TOKEN], got 'X'."],
    ),
    (
        "secrets with values",
        node("secrets: {EODHD_TOKEN: x}"),
        ["6:14: secrets: expected a list of names, such as [EODHD_TOKEN], got a mapping."],
    ),
    (
        "names of secrets",
        node("secrets: [eodhd, A__B, A_, A-B]"),
        [
            f"6:15: secrets.0: 'eodhd' {SECRET_NAME}",
            f"6:22: secrets.1: 'A__B' {SECRET_NAME}",
            f"6:28: secrets.2: 'A_' {SECRET_NAME}",
            f"6:32: secrets.3: 'A-B' {SECRET_NAME}",
        ],
    ),
    (
        "reserved names of secrets",
        node("secrets: [RUN_ID, NUMERAI_SECRET_KEY]"),
        [
            "6:15: secrets.0: RUN_ID is set automatically for every node; choose another name.",
            (
                "6:23: secrets.1: NUMERAI_SECRET_KEY begins with NUMERAI_, which is reserved for the API keys; every "
                "node gets those without `secrets`."
            ),
        ],
    ),
    (
        "a secret that is plain in the defaults",
        "defaults: {env: {VENDOR: x}}\n" + node("secrets: [VENDOR]"),
        ["7:14: secrets: VENDOR is in `env` too; remove it there, because `env` is not secret."],
    ),
    (
        "policies",
        node("aws: {job-policy-arns: [ReadMyBucket, 'arn:aws:iam::123456789012:role/r']}"),
        [
            f"6:29: aws.job-policy-arns.0: 'ReadMyBucket' is not the ARN of a managed policy; {POLICY}",
            "6:43: aws.job-policy-arns.1: 'arn:aws:iam::123456789012:role/r' is not the ARN of a managed policy; "
            + POLICY,
        ],
    ),
    (
        "policies empty",
        node("aws: {job-policy-arns: []}"),
        ["6:28: aws.job-policy-arns: expected a list of at least one managed policy's ARN, got a list."],
    ),
    (
        "rights with another key",
        node("aws: {job-policy-arn: x}"),
        ['6:11: aws: there is no key "job-policy-arn"; expected job-policy-arns. Did you mean "job-policy-arns"?'],
    ),
    (
        "rights on another cloud",
        node(f"gcp: {{job-service-account: {ACCOUNT}}}"),
        ["6:10: gcp: the node runs on aws, where these rights have no effect; remove `gcp`."],
    ),
    (
        "rights on a cloud without nodes",
        f"defaults: {{gcp: {{job-service-account: {ACCOUNT}}}}}\n" + node(),
        ["1:12: gcp: no node runs on gcp, so these rights have no effect; remove `gcp`."],
    ),
    (
        "a default service account",
        node("gcp: {job-service-account: 123-compute@developer.gserviceaccount.com}").replace("aws", "gcp"),
        [f"6:32: gcp.job-service-account: 123-compute@developer.gserviceaccount.com {DEFAULT_ACCOUNT}"],
    ),
    (
        "an identity",
        node("azure: {job-identity: my-model}").replace("aws", "azure"),
        [f"6:27: azure.job-identity: 'my-model' is not the id of a user-assigned identity; {IDENTITY}"],
    ),
    (
        "env a list",
        node("env: [A=b]"),
        ["6:10: env: expected names with values, such as {NAME: value}, got a list."],
    ),
    (
        "command quotes",
        node('command: "python \'x"'),
        ["6:14: command: the command's quotes do not match (No closing quotation)."],
    ),
    ("command empty", node("command: []"), ["6:14: command: expected a command, got an empty one."]),
    ("tags number", node("tags: {team: 7}"), ['6:18: tags.team: expected a string, got 7. Quote it: "7".']),
    ("enabled no", node("enabled: no"), ["6:14: enabled: expected true or false, got 'no'. Write false."]),
    (
        "enabled text",
        node('enabled: "true"'),
        ["6:14: enabled: expected true or false, got 'true'. Write true without quotes."],
    ),
    ("build true", node("build: true"), ["6:12: build: expected {docker: true} or {docker: false}, got true."]),
    ("build a word", node("build: docker"), ["6:12: build: expected {docker: true} or {docker: false}, got 'docker'."]),
    ("build empty", node("build: {}"), ["6:12: build: build needs docker, such as {docker: true}."]),
    (
        "build with another key",
        node("build: {dokcer: true}"),
        ['6:13: build: build has no key "dokcer"; expected docker. Did you mean "docker"?'],
    ),
    (
        "build with a text",
        node("build: {docker: yes}"),
        ["6:21: build.docker: expected true or false, got 'yes'. Write true."],
    ),
    (
        "build in defaults",
        "defaults: {build: {docker: 1}}\n" + node(),
        ["1:28: build.docker: expected true or false, got 1. Write true."],
    ),
    (
        "source missing",
        node().replace("source: m", "source: mm"),
        ['5:13: source: there is no folder mm. Did you mean "m"?'],
    ),
    ("no Dockerfile", node().replace("source: m", "source: bare"), ["5:13: source: bare contains no Dockerfile."]),
    (
        "context elsewhere",
        node("context: bare"),
        ["6:14: context: m is not inside bare; a Dockerfile must be in its build context."],
    ),
    (
        "nested too deep",
        "nodes: " + "[" * 900 + "]" * 900,
        ["1:27: the values are nested more than 20 levels deep; nodes.yaml needs four."],
    ),
    (
        "nested without an end",
        "nodes: " + "[" * 3000,
        ["1:27: the values are nested more than 20 levels deep; nodes.yaml needs four."],
    ),
    ("too large", "#" * 5_000_001, ["1:1: the file has 5000001 bytes; the limit is 5000000."]),
    (
        "indentation",
        "nodes:\n  alpha:\n    model: x\n     cloud: aws\n",
        [
            (
                '4:11: this is not valid YAML: a "key:" is not allowed here. Check the indentation of this '
                'line and the line above, and quote text that contains ": ".'
            )
        ],
    ),
    (
        "indentation that goes back too little",
        "nodes:\n  alpha:\n    model: x\n   cloud: aws\n",
        [
            (
                "4:4: this is not valid YAML: this line does not fit the lines above. "
                "Check its indentation, and the quotes and brackets before it."
            )
        ],
    ),
    (
        "no space after a colon",
        "nodes:\n  alpha:\n    model:x\n    cloud: aws\n",
        [
            (
                '4:10: this is not valid YAML: a "key:" is not allowed here. Check the indentation of this '
                'line and the line above, and quote text that contains ": ".'
            )
        ],
    ),
    (
        "a tag on what a node needs",
        node().replace("source: m", "source: !ref m"),
        ["5:13: the tag !ref is not supported; write a plain value."],
    ),
    ("a tag on quotes", node('region: !ref "x"'), ["6:13: the tag !ref is not supported; write a plain value."]),
    ("a tag on a mapping", node("env: !x {A: b}"), ["6:10: the tag !x is not supported; write a plain value."]),
    (
        "a tag of Python",
        node("region: !!python/name:os.system x"),
        ["6:13: the tag !!python/name:os.system is not supported; write a plain value."],
    ),
    (
        "a version as a number",
        node("env: {PYTHON: 3.10}"),
        ['6:19: env.PYTHON: expected a string, got 3.10. Quote it: "3.10".'],
    ),
    ("env True", node("env: {A: True}"), ['6:14: env.A: expected a string, got True. Quote it: "True".']),
    ("env nothing", node("env: {A: }"), ['6:13: env.A: expected a string, got nothing. Write "" for an empty string.']),
    ("env a list inside", node("env: {A: [b]}"), ["6:14: env.A: expected a string, got a list."]),
    (
        "two mistakes in env",
        node("env: {A: 1, B-C: d, E: no}"),
        [
            '6:14: env.A: expected a string, got 1. Quote it: "1".',
            '6:17: env: "B-C" is not a valid variable name; expected letters, digits and _, such as MY_NAME.',
            "6:28: env.E: " + QUOTES.format("no") + '"no".',
        ],
    ),
    (
        "a number in a command",
        node("command: [python, 3.10]"),
        ['6:23: command.1: expected a string, got 3.10. Quote it: "3.10".'],
    ),
    (
        "two mistakes in size",
        node("size: {cpu: 0, memory: 8}"),
        [
            "6:17: size.cpu: expected a number of vCPUs above zero, such as 2 or 0.5, got 0.",
            f'6:28: size.memory: {AMOUNT}, got 8. Did you mean "8GiB"?',
        ],
    ),
    (
        "cpu in quotes",
        node('size: {cpu: "2", memory: 8GiB}'),
        ["6:17: size.cpu: expected a number of vCPUs above zero, such as 2 or 0.5, got '2'. Write 2 without quotes."],
    ),
    (
        "cpu without end",
        node("size: {cpu: 1e999, memory: 8GiB}"),
        ["6:17: size.cpu: inf vCPUs are more than any cloud offers. Expected a number such as 2 or 0.5."],
    ),
    (
        "memory without end",
        node(f"size: {{cpu: 1, memory: {'9' * 400}GiB}}"),
        [f"6:28: size.memory: {AMOUNT}, got '{'9' * 80}...'."],
    ),
    (
        "memory in the block form",
        node("size:\n      cpu: 2\n      memory: 8gb"),
        [f"8:15: size.memory: {AMOUNT}, got '8gb'. Did you mean \"8GiB\"?"],
    ),
    (
        "two mistakes in a schedule",
        node("schedule: {cron: '0 24 * * *', timezone: europe/berlin}"),
        [
            "6:22: schedule.cron: hour '24' is not between 0 and 23.",
            (
                '6:46: schedule.timezone: there is no time zone "europe/berlin"; '
                'expected a name such as Europe/Berlin. Did you mean "Europe/Berlin"?'
            ),
        ],
    ),
    (
        "cron with a question mark",
        node('schedule: "0 14 ? * 2"'),
        ['6:15: schedule: day "?" is AWS syntax; write * instead.'],
    ),
    (
        "timeout in words",
        node("timeout: 90 min"),
        [f"6:14: timeout: {DURATION}, got '90 min'. Did you mean \"1h30m\"?"],
    ),
    (
        "timeout with a fraction",
        node("timeout: 1.5h"),
        [f"6:14: timeout: {DURATION}, got '1.5h'. Did you mean \"1h30m\"?"],
    ),
    (
        "nearly a UUID",
        node(model=ID[:-1]),
        [
            (
                f"3:12: model: '{ID[:-1]}' looks like a UUID but is not valid: expected 8-4-4-4-12 characters such as "
                f"{ID}. Copy it again, or write the model's name."
            )
        ],
    ),
    (
        "one model twice beside another mistake",
        node() + node("regoin: x", name="beta").removeprefix("nodes:\n"),
        [
            "7:12: model: node alpha already runs this model; Numerai calls one webhook for each model.",
            '10:5: "regoin" is not a key of a node. Did you mean "region"?',
        ],
    ),
    (
        "a wrong tournament makes no second mistake",
        (
            "nodes:\n  a1: {model: x, cloud: aws, source: m}\n"
            "  a2: {model: x, cloud: aws, source: m, tournament: signal}\n"
        ),
        ["3:53: tournament: expected classic, signals or crypto, got 'signal'. Did you mean \"signals\"?"],
    ),
    (
        "a wrong cloud in defaults is said once",
        "defaults: {cloud: awz}\nnodes:\n  a1: {model: x, source: m}\n  a2: {model: y, source: m}\n",
        ["1:19: cloud: expected aws, gcp or azure, got 'awz'. Did you mean \"aws\"?"],
    ),
    (
        "a tag of ours",
        node("tags: {Project: x}"),
        ['6:12: tags: the tag "Project" is set automatically on every resource; choose another name.'],
    ),
    (
        "a tag without a name",
        node('tags: {"": x}'),
        ["6:12: tags: '' is not a valid tag name; expected visible characters, such as team."],
    ),
    (
        "a tag with a long name",
        node(f"tags: {{{'k' * 129}: x}}"),
        ["6:12: tags: a tag name of 129 characters is too long; the limit is 128."],
    ),
    (
        "a tag of two lines",
        node('tags: {a: "b\\nc"}'),
        ["6:15: tags.a: a tag value cannot contain line breaks or control characters."],
    ),
    (
        "source is a file",
        node().replace("source: m", "source: m/Dockerfile"),
        ["5:13: source: m/Dockerfile is a file; expected the folder that contains it."],
    ),
    (
        "source with ~",
        node().replace("source: m", "source: ~/m"),
        ["5:13: source: there is no folder ~/m; ~ is not expanded, write the whole path."],
    ),
    (
        "source with a zero byte",
        node().replace("source: m", 'source: "a\\0b"'),
        ["5:13: source: a string cannot contain the character \\0."],
    ),
    (
        "half a character",
        node('env: {A: "\\ud83d", "\\ud83d": b}'),
        [
            r"6:14: the escape \ud83d is only half a character; write the character itself.",
            r"6:24: the escape \ud83d is only half a character; write the character itself.",
        ],
    ),
    (
        "a key with a line break",
        node('"a\\nb": c'),
        [r'6:5: "a\nb" is not a key of a node.'],
    ),
    (
        "source whose links go in a circle",
        node().replace("source: m", "source: circle"),
        ["5:13: source: circle is a link that does not lead to a folder."],
    ),
    (
        "a Dockerfile that is a folder",
        node().replace("source: m", "source: odd"),
        ['5:13: source: odd contains no Dockerfile. Its "Dockerfile" must be a file named "Dockerfile".'],
    ),
    ("context missing", node("context: nowhere"), ["6:14: context: there is no folder nowhere."]),
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("m", "bare"):
        (tmp_path / name).mkdir()
    (tmp_path / "m" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "odd" / "Dockerfile").mkdir(parents=True)
    (tmp_path / "circle").symlink_to(tmp_path / "circle")


@pytest.mark.parametrize(("text", "expected"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_the_message(text: str | bytes, expected: list[str]) -> None:
    Path("nodes.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(NodeFileError) as caught:
        load("nodes.yaml")
    messages = [str(problem).removeprefix("nodes.yaml:") for problem in caught.value.problems]
    assert messages == expected


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(NodeFileError, match=r"nodes\.yaml:1:1: there is no such file in"):
        load("nodes.yaml")


def test_all_mistakes_of_a_file_at_once_in_the_order_of_their_lines() -> None:
    text = (
        node("size: gen-mdd") + "    timeout: 60\n    zzz: 1\n" + node("enabled: no", name="B").removeprefix("nodes:\n")
    )
    Path("nodes.yaml").write_text(text)
    with pytest.raises(NodeFileError) as caught:
        load("nodes.yaml")
    assert [problem.line for problem in caught.value.problems] == [6, 7, 8, 9, 10, 13]


def test_there_are_many() -> None:
    assert len(BAD) >= 40
    assert len({name for name, _, _ in BAD}) == len(BAD)
