"""Keeps the old module names `numerai.models` and `numerai.webhook` importable.

The states of stacks that were deployed before December 2026 refer to the providers of webhooks and model ids by these
names, and Pulumi's provider host imports them to refresh or delete such a resource (see providers/dynamic.py). Nothing
else imports this file. A reference is replaced at the next update of its resource. Remove this file once `pulumi stack
export | grep bWVyYWku` (a part of `numerai.` in base64) prints nothing for any stack.
"""

import sys

from providers.numerai import models, webhook

sys.modules |= {"numerai.models": models, "numerai.webhook": webhook}
