"""The bill of materials names packages as scanners look them up."""

import runpy
import shutil

import pytest
from packageurl import PackageURL

from tests.conftest import ROOT

inventory = runpy.run_path(str(ROOT / "docker" / "inventory.py"))


@pytest.mark.parametrize(
    ("package", "purl"),
    [
        (("libstdc++6", "12.2.0-14+deb12u1", "amd64"), "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64"),
        (("zlib1g", "1:1.2.13~dfsg-1", "arm64"), "pkg:deb/debian/zlib1g@1:1.2.13~dfsg-1?arch=arm64"),
    ],
)
def test_a_debian_package_has_the_address_of_the_specification(package: tuple[str, str, str], purl: str) -> None:
    component = inventory["_component"](*package)
    assert component["purl"] == component["bom-ref"] == purl
    assert (component["name"], component["version"]) == package[:2]


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="this is no Debian")
def test_every_installed_package_is_named_by_an_address_that_can_be_read_again() -> None:
    components = inventory["debian_packages"]()
    assert len(components) > 20
    for component in components:
        read = PackageURL.from_string(component["purl"])
        assert (read.name, read.version) == (component["name"], component["version"])
