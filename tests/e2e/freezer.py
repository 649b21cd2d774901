"""A clock for botocore's signer: signs as if it were earlier or later."""

import contextlib
import datetime
import unittest.mock

import botocore.auth


@contextlib.contextmanager
def frozen_botocore(shift):
    """Within the block, signatures carry the present time moved by `shift`."""
    moved = datetime.datetime.utcnow() + shift

    class Moved(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return moved

        @classmethod
        def now(cls, tz=None):
            return moved.replace(tzinfo=tz)

    with unittest.mock.patch.object(botocore.auth, "datetime", unittest.mock.Mock(
            wraps=datetime, datetime=Moved)) if hasattr(botocore.auth.datetime, "datetime") \
            else unittest.mock.patch.object(botocore.auth, "datetime", Moved):
        yield
