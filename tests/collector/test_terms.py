"""What of a report can be searched for, and how a question is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.objects import File, Hash, Lnk, Registry, Url
from agent.model.report import Strength
from collector import terms
from collector.terms import KINDS, MAX_IDS, MAX_VALUE, digest_of, fold, readings, terms_of
from tests.collector.pages.seed import a_finding, a_report


def values(report: object, kind: str) -> set[str]:
    found, _ = terms_of(report, "192.0.2.9")  # type: ignore[arg-type]
    return {one.value for one in found if one.kind == kind}


class TestOfAReport:
    def test_its_host_by_name_full_name_id_and_every_address(self) -> None:
        report = a_report("WS-1")
        report.host.fqdn = "ws-1.corp.example"
        assert values(report, "host") == {"WS-1", "ws-1.corp.example"}
        assert values(report, "id") == {"id-WS-1"}
        assert values(report, "address") == {"10.4.1.21", "fe80::1", "192.0.2.9"}

    def test_what_its_findings_are_about(self) -> None:
        report = a_report("WS-1", a_finding("WS-1"))
        assert values(report, "path") >= {
            r"C:\Users\jo\AppData\Local\cyzfc.dat", r"C:\Windows\System32\rundll32.exe",
        }  # fmt: skip
        assert values(report, "user") >= {r"CORP\jo", "jo"}
        assert values(report, "domain") == {"pandorasong.com", "www.jmj.com"}
        assert values(report, "remote") == {"95.216.59.92"}
        assert values(report, "url") == {"https://www.jmj.com/personal/nauerthn_state_gov.php"}
        assert values(report, "indicator") == {"cyzfc.dat", "dll-name"}

    def test_every_hash_of_a_file(self) -> None:
        finding = a_finding()
        finding.file = File(path="x", hash=Hash(md5="A" * 32, sha1="b" * 40, sha256="c" * 64))
        assert values(a_report("WS-1", finding), "hash") >= {"A" * 32, "b" * 40, "c" * 64}

    def test_what_a_sighting_has_and_its_finding_has_not(self) -> None:
        finding = a_finding()
        finding.evidence[0].file = File(path=r"D:\x.lnk", lnk=Lnk(target=r"E:\y.exe"))
        finding.evidence[0].registry = Registry(path=r"HKLM\Software\Run")
        finding.evidence[0].url = Url(full="https://Evil.Example./a")
        report = a_report("WS-1", finding)
        assert values(report, "path") >= {r"D:\x.lnk", r"E:\y.exe", r"HKLM\Software\Run"}
        assert "evil.example" in values(report, "domain")

    def test_a_stream_is_named_as_it_is_shown(self) -> None:
        finding = a_finding()
        finding.file = File(path=r"C:\a.txt", stream="Zone")
        assert r"C:\a.txt:Zone" in values(a_report("WS-1", finding), "path")

    def test_a_value_of_several_findings_once_with_the_strongest_first(self) -> None:
        weak = a_finding(strength=Strength.WEAK, indicator="w", title="weak")
        strong = a_finding(strength=Strength.STRONG, indicator="s", title="strong")
        weak.id, strong.id = "weak", "strong"
        found, _ = terms_of(a_report("WS-1", weak, strong), "")
        (domain,) = [one for one in found if one.value == "pandorasong.com"]
        assert (domain.strength, domain.findings) == (2, 2)
        assert domain.finding_ids == ("strong", "weak")

    def test_of_many_findings_the_number_and_a_few(self) -> None:
        findings = [a_finding(indicator=f"i{n}", title=f"t{n}") for n in range(MAX_IDS + 3)]
        for number, one in enumerate(findings):
            one.id = str(number)
        found, _ = terms_of(a_report("WS-1", *findings), "")
        (domain,) = [one for one in found if one.value == "pandorasong.com"]
        assert (domain.findings, len(domain.finding_ids)) == (MAX_IDS + 3, MAX_IDS)

    def test_spellings_that_fold_alike_are_one(self) -> None:
        found, _ = terms_of(
            a_report("WS-1", a_finding(path=r"C:\A"), a_finding(path=r"c:\a", indicator="b")), ""
        )
        assert len([one for one in found if one.folded == r"c:\a"]) == 1

    def test_more_values_than_are_kept_are_counted_and_the_host_stays(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole, none = terms_of(a_report("WS-1", a_finding()), "192.0.2.9")
        monkeypatch.setattr(terms, "MAX_TERMS", 7)
        found, more = terms_of(a_report("WS-1", a_finding()), "192.0.2.9")
        assert (none, len(found), more) == (0, 7, len(whole) - 7)
        assert found == whole[:7]
        assert {"host", "id", "address"} <= {one.kind for one in found}

    def test_a_long_value_is_cut_and_two_that_begin_alike_are_two(self) -> None:
        a, b = ("x" * MAX_VALUE + end for end in "ab")
        found, _ = terms_of(a_report("WS-1", a_finding(path=a), a_finding(path=b)), "")
        long = [one for one in found if one.folded == "x" * MAX_VALUE]
        assert len({one.digest for one in long}) == 2

    def test_no_two_kinds_begin_alike_by_which_the_index_tells_them(self) -> None:
        assert len({kind[:2] for kind in KINDS}) == len(KINDS)


class TestAQuestion:
    @pytest.mark.parametrize(
        ("asked", "meant"),
        [
            ("evil[.]com", "evil.com"),
            ("EVIL(dot)com", "evil.com"),
            ("evil{.}com", "evil.com"),
            ("hxxp://evil[.]com/a", "http://evil.com/a"),
            ("HXXPS[:]//evil.com", "https://evil.com"),
            ("hxxp[://]evil.com", "http://evil.com"),
            ("h**p://evil.com", "http://evil.com"),
            ("jo[@]evil[.]com", "jo@evil.com"),
            ("  CORP\\Jo ", "corp\\jo"),
            ("C:\\.git\\a[1].txt", "c:\\.git\\a[1].txt"),
        ],
    )
    def test_is_read_as_what_it_stands_for(self, asked: str, meant: str) -> None:
        assert readings(asked)[0] == meant

    def test_is_read_as_typed_too_and_of_a_url_its_host(self) -> None:
        assert readings("hxxp://evil[.]com/a") == [
            "http://evil.com/a", "hxxp://evil[.]com/a", "evil.com",
        ]  # fmt: skip

    def test_of_nothing_is_none(self) -> None:
        assert readings(" \t ") == []
        assert readings(" \t ", whole=True) == []

    def test_a_whole_value_may_begin_and_end_with_blanks(self) -> None:
        assert readings(" Evil.exe ") == ["evil.exe"]
        assert readings(" Evil.exe ", whole=True) == ["evil.exe", " evil.exe "]

    @pytest.mark.parametrize(
        ("asked", "other"),
        [
            ("Evil.Example.", "evil.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("straße.example", "xn--strae-oqa.example"),
            ("XN--Bcher-kva[.]example", "bücher.example"),
            ("https://bücher.example/a", "xn--bcher-kva.example"),
        ],
    )
    def test_a_domain_is_read_as_it_may_be_written_otherwise(self, asked: str, other: str) -> None:
        assert other in readings(asked)

    @pytest.mark.parametrize(
        "asked",
        ["xn--\x80.example", "xn--.example", "ü" * 300 + ".de", "C:\\ü.d\\a", "ü", ".", "a."],
    )
    def test_what_is_no_domain_is_read_as_it_stands(self, asked: str) -> None:
        assert readings(asked)[0] == fold(asked)

    @given(st.text())
    def test_any_text_is_read_as_what_every_engine_keeps(self, text: str) -> None:
        for one in readings(text):
            assert one.isprintable()
            one.encode()

    @given(st.text(), st.text())
    def test_no_two_values_share_a_digest_but_those_that_fold_alike(self, a: str, b: str) -> None:
        a, b = fold(a), fold(b)
        assert (digest_of("path", a) == digest_of("path", b)) == (a == b)
        assert digest_of("path", a) != digest_of("hash", a)
