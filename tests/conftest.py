"""What every test session needs before the first test module is imported."""

import collections.abc

import twisted.internet.testing as _marks_the_abstract_collections  # noqa: F401

# zope.interface marks the abstract collections as soon as one of Twisted's test doubles declares what it implements, and
# xmlschema reads every class attribute of its schemas, which are collections: it would stumble over the mark.
# Nothing a gateway imports does this; the marks are only a cache.
for _name in collections.abc.__all__:
    if "__provides__" in vars(getattr(collections.abc, _name)):
        del getattr(collections.abc, _name).__provides__
