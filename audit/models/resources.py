"""What events are about: every value of `resource`, in the order of the filter."""

#: What our own code records events about.
RECORDED_RESOURCES = (
    *("auth", "user", "role", "permission", "session", "factor", "audit", "analytics", "settings", "database"),
    *("admin", "demo_data", "application", "signing_key", "review", "exclusion", "access", "access_request"),
)
#: Resources of permissions: a denial that isn't about an account or role is filed under the missing permission's.
#: The catalogue has them too, but no import goes from the log to accounts; a test compares the two.
CATALOGUE_MODULES = ("animal", "sample", "lab_test", "procedure", "customer", "inventory", "report", "genomics")

RESOURCES = (*RECORDED_RESOURCES, *CATALOGUE_MODULES)
