"""How the pages look: one sheet, without a picture or a font from elsewhere. Colour only repeats
what a word or a form says."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--paper:#fff;--card:#f6f7f8;--ink:#14191f;--quiet:#4d5761;
--rule:#c9d0d6;--accent:#17546b;--hit:#a3201a;--warn:#7a4f00;--good:#1b6140}
@media (prefers-color-scheme:dark){:root{--paper:#12161a;--card:#1a2026;--ink:#e8ecef;
--quiet:#a9b4bd;--rule:#3b454e;--accent:#7cc4dd;--hit:#ff9a90;--warn:#edc06c;--good:#84d3a9}}
*{box-sizing:border-box}
html{background:var(--paper);color:var(--ink);-webkit-text-size-adjust:100%;
font:100%/1.5 system-ui,"Segoe UI",Roboto,"Liberation Sans","DejaVu Sans",sans-serif}
body{margin:0;overflow-wrap:break-word;font-variant-numeric:tabular-nums}
main{max-width:70rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:clamp(1.5rem,1.1rem + 1.8vw,2.2rem);line-height:1.2;margin:.2rem 0 .6rem;
text-wrap:balance;overflow-wrap:anywhere}
h2{font-size:1.3rem;margin:2.6rem 0 .6rem;padding-top:.5rem;border-top:2px solid var(--ink)}
h3{font-size:1.05rem;line-height:1.4;margin:1.2rem 0 .3rem}
h4{font-size:.95rem;margin:.9rem 0 .2rem}
p,ul,ol{margin:.45rem 0;max-width:75ch}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.kicker,.more,.quiet,caption{color:var(--quiet)}
.kicker{margin:0}
.verdict{border-left:.6rem solid var(--quiet);padding:.2rem 0 .2rem 1rem}
.verdict.hit{border-color:var(--hit)}.verdict.incomplete{border-color:var(--warn)}
.verdict.clean{border-color:var(--good)}
div.unread{border:2px solid var(--warn);padding:.4rem 1rem;margin-bottom:1rem}
div.unread li{overflow-wrap:anywhere}
.word{font-weight:700;letter-spacing:.04em}
.hit>.word{color:var(--hit)}.incomplete>.word{color:var(--warn)}.clean>.word{color:var(--good)}
.lead{font-size:1.1rem}
nav ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;max-width:none}
.numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.6rem;
margin:1rem 0}
.numbers div{border:1px solid var(--rule);padding:.5rem .7rem;background:var(--card)}
.numbers dt{color:var(--quiet);font-size:.9rem;line-height:1.3}
.numbers dd{margin:0;font-size:1.5rem;font-weight:650;line-height:1.3;overflow-wrap:normal}
dl{margin:.4rem 0;display:grid;grid-template-columns:fit-content(40%) minmax(0,1fr);
gap:.15rem 1rem}
dt{color:var(--quiet);min-width:0;overflow-wrap:anywhere}dd{margin:0}
dd ul,td ul{margin:0;padding-left:1.1rem}
.v{font-family:ui-monospace,"Cascadia Mono",Consolas,"Liberation Mono","DejaVu Sans Mono",monospace;
font-size:.93em;unicode-bidi:isolate;white-space:pre-wrap;overflow-wrap:anywhere}
.tagged{display:inline-block;border:1px solid currentColor;padding:0 .4rem;font-size:.85rem;
font-weight:650;white-space:nowrap}
.confirmed.tagged{color:var(--paper);background:var(--hit);border-color:var(--hit)}
.strong.tagged{color:var(--hit)}.weak.tagged{color:var(--warn);border-style:dashed}
.excluded.tagged{color:var(--quiet);border-style:dotted}
article{border:1px solid var(--rule);padding:.2rem 1rem .9rem;margin:1rem 0;background:var(--card)}
.chain{list-style:none;padding:0;margin:.3rem 0;max-width:none}
.chain>li{border-left:3px solid var(--quiet);padding:.1rem 0 .3rem .8rem;margin:0 0 0 .3rem;
position:relative}
.chain>li+li::before{content:"\\2193";position:absolute;left:-.42rem;top:-.75rem;
background:var(--card);line-height:1;padding:.1rem 0}
.chain dl{font-size:.93rem}
.scroll{overflow-x:auto;margin:.7rem 0}
table{border-collapse:collapse;width:100%;font-size:.93rem}
caption{text-align:left;padding:.2rem 0;caption-side:top}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem .35rem 0;
border-bottom:1px solid var(--rule);font-weight:400;min-width:5rem}
thead th{font-weight:650;border-bottom:2px solid var(--quiet)}
tbody th{font-weight:600}tbody th .quiet{font-weight:400}
dd{min-width:0;overflow-wrap:anywhere}
.n{text-align:right;white-space:nowrap;padding-right:1rem}
time{white-space:nowrap}
figure{margin:.6rem 0}
figure .scroll>svg{display:block;width:100%;min-width:44rem;height:auto}
svg text{fill:var(--ink);font-size:13px}
svg .of{text-anchor:end}svg .at{text-anchor:middle;font-size:12px;fill:var(--quiet)}
svg .day{fill:var(--ink)}svg .gap{font-size:10.5px}
svg .lane{stroke:var(--rule)}svg .axis{stroke:var(--ink)}
svg .tick{stroke:var(--rule);stroke-dasharray:2 4}
svg .pause{stroke:var(--quiet);stroke-dasharray:1 3;fill:none}
.m path{stroke:var(--paper);stroke-width:1}
.m.confirmed path,.m.strong path{fill:var(--hit)}
.m.weak path{fill:var(--paper);stroke:var(--warn);stroke-width:2}
.m.excluded path{fill:none;stroke:var(--quiet);stroke-width:2}
.legend{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;font-size:.9rem}
.legend svg{width:1.2rem;height:1.2rem;vertical-align:-.3rem;margin-right:.3rem}
.first{font-weight:700}
.sign{display:grid;grid-template-columns:repeat(auto-fit,minmax(12rem,1fr));gap:1rem 2rem;
margin:2.4rem 0 0;break-inside:avoid}
.sign div{border-top:1px solid var(--ink);padding-top:.2rem;color:var(--quiet);margin-top:2.2rem}
@media screen{article,.scroll{content-visibility:auto;contain-intrinsic-size:auto 30rem}}
@media (max-width:40rem){dl{grid-template-columns:minmax(0,1fr)}dt{margin-top:.3rem}
.numbers{grid-template-columns:repeat(2,minmax(0,1fr))}
article{padding:.2rem .7rem .7rem}table{min-width:38rem}}
@media print{
:root{--paper:#fff;--card:#fff;--ink:#000;--quiet:#3c444b;--rule:#a9b1b8;--accent:#000;
--hit:#8c1610;--warn:#5f3d00;--good:#124a30;color-scheme:light}
html{font-size:10pt;line-height:1.4}
main{max-width:none;padding:0}
nav{display:none}
h1{font-size:18pt}h2{break-after:avoid;font-size:13pt;margin-top:1.6rem}
h3,h4,caption,thead{break-after:avoid}h3{overflow-wrap:anywhere}
tr,.chain>li,figure,.numbers div{break-inside:avoid}
p,li{orphans:3;widows:3}
.numbers{grid-template-columns:repeat(4,1fr)}.numbers dd{font-size:13pt}
.scroll{overflow:visible}
figure .scroll>svg{min-width:0}
table{font-size:8.5pt;min-width:0}th,td{min-width:0;padding-right:.5rem}time{white-space:normal}
.tagged{print-color-adjust:exact;-webkit-print-color-adjust:exact}
svg{print-color-adjust:exact;-webkit-print-color-adjust:exact}
.verdict{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
@page{margin:16mm 15mm 18mm;@bottom-right{content:"page " counter(page) " of " counter(pages);
font:8pt sans-serif;color:#333}@bottom-left{content:"%FOOT%";font:8pt sans-serif;color:#333}}
"""


def style_of(foot: str) -> str:
    """The sheet, with what stands at the foot of each printed page: of letters, digits, blanks,
    and ``._-`` alone; whatever else is in it becomes a question mark."""
    safe = "".join(
        char if char.isascii() and (char.isalnum() or char in " ._-,") else "?" for char in foot
    )
    return STYLE.replace("%FOOT%", safe)
