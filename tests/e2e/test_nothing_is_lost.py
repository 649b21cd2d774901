"""200 creates, updates and deletes while processes are killed: what was answered is there afterwards.

The long form of this is `make soak`.
"""

import faults


def test_killed_management_clusters_and_brokers(tmp_path):
    faults.run(tmp_path / "region", seed=11, customers=4, operations=50, interval=0.8,
               options=["--management-clusters", "2"], kinds=("management-cluster", "broker"))


def test_killed_regions(tmp_path):
    faults.run(tmp_path / "region", seed=23, customers=4, operations=50, interval=2.0,
               kinds=("region", "management-cluster", "broker"))
