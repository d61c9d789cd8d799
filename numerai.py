"""Answers to the names under which stacks deployed before December 2026 keep the providers of webhooks and model ids.

Pulumi's provider host imports them from the project's folder to refresh or delete such a resource; providers/dynamic.py
says why. Nothing else imports this file. It can go once `pulumi stack export | grep bWVyYWku` (a part of `numerai.` in
base64) finds nothing in any stack; a reference is replaced when its resource is next updated.
"""

import sys

from providers.numerai import models, webhook

sys.modules |= {"numerai.models": models, "numerai.webhook": webhook}
