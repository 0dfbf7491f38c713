"""What events are about: every value of `resource`, in the order of the filter."""

from accounts import catalogue

#: What our own code records events about.
OWN = ("auth", "user", "role", "session", "factor", "audit", "analytics", "settings", "database", "admin", "demo_data")
#: What permissions are about besides: a refusal that is about no account or role stands under the missing permission's.
MODULES = tuple(name for name, *_ in catalogue.RESOURCES if name not in OWN)

RESOURCES = (*OWN, *MODULES)
