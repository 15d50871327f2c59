"""How a report looks: the one style sheet, inside the page."""

STYLE = """
:root{color-scheme:light}
*{box-sizing:border-box}
body{margin:0;background:#f4f6f8;color:#222a33;font:16px/1.5 system-ui,-apple-system,"Segoe UI",
Roboto,"Helvetica Neue",Arial,"DejaVu Sans",sans-serif}
main{max-width:980px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:1.7rem;line-height:1.2;margin:.2em 0;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:0 0 .6em}
p{margin:.5em 0 .8em;max-width:70ch;overflow-wrap:anywhere}
section{background:#fff;border:1px solid #e1e5ea;border-radius:8px;padding:20px 22px;margin:16px 0}
.verdict{border-left:5px solid #0072b2}
.verdict p{display:flex;gap:12px;margin:.3em 0;max-width:none}
.verdict b{min-width:4.2em;color:#0072b2}
.muted{color:#5d6773;font-size:.9rem}
.warn{background:#fdf3e1;border-left:4px solid #e69f00;padding:7px 12px;border-radius:4px}
nav{display:flex;flex-wrap:wrap}
nav a{color:#0072b2;margin-right:1em;white-space:nowrap;font-size:.9rem;text-decoration:none}
.scrolls{overflow-x:auto;margin:.4em 0 .9em}
table{border-collapse:collapse;font-size:.9rem}
th,td{text-align:left;padding:5px 12px 5px 0;border-bottom:1px solid #e8ebef;vertical-align:top}
td,th,code,figcaption,b{unicode-bidi:isolate}
td{min-width:3em}
td:last-child:not(.number){min-width:11em}
.confusion td:last-child:not(.number){min-width:56px}
td,.pairs th{overflow-wrap:break-word}
thead th{color:#5d6773;font-weight:600;border-bottom:2px solid #d5dae0;white-space:nowrap}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
tr.marked td{background:#e5f1f9;font-weight:600}
.pairs th{font-weight:400;color:#5d6773;min-width:8em;max-width:24em}
.confusion td{text-align:center;min-width:56px;padding:6px;font-variant-numeric:tabular-nums}
.confusion th{font-weight:600;max-width:12em;overflow:hidden;text-overflow:ellipsis;padding:6px}
.figures{display:flex;flex-wrap:wrap;gap:8px 24px}
figure{margin:.8em 0;max-width:420px;width:100%}
figure.wide{max-width:none}
figcaption{font-size:.86rem;color:#5d6773;margin-top:2px;overflow-wrap:anywhere}
td img{display:block;height:64px;image-rendering:pixelated;max-width:96px}
svg{width:100%;height:auto;display:block}
svg text{font-size:12px;fill:#5d6773}
.legend{font-size:.84rem;color:#333a44}
.legend>span{display:inline-block;margin-right:14px}
.dot{display:inline-block;width:10px;height:10px;border-radius:5px;margin-right:5px}
.chip{display:inline-block;margin:2px 5px 2px 0}
.way{display:flex;flex-wrap:wrap;align-items:center;gap:8px}
.box{border:1px solid #b8c4d0;border-radius:6px;padding:7px 12px;background:#f7f9fb;
overflow-wrap:anywhere}
.box small{display:block;color:#5d6773}
.stack{display:flex;flex-direction:column;gap:6px}
.arrow{color:#8a8f98;font-size:1.3rem}
code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
code{background:#eef1f4;border-radius:3px;padding:1px 5px;overflow-wrap:anywhere}
pre{background:#1f2730;color:#eef1f4;border-radius:6px;padding:13px 15px;overflow-x:auto}
details{margin:.4em 0}
summary{cursor:pointer;color:#0072b2;font-size:.93rem}
@media(max-width:560px){main{padding:16px 10px 40px}section{padding:15px 13px}
.verdict p{display:block}.verdict b{display:block}.pairs th{min-width:6em}
.arrow{transform:rotate(90deg)}.way{flex-direction:column;align-items:stretch;text-align:center}}
@media print{body{background:#fff}section{break-inside:avoid;border:none;padding:0}
nav{display:none}}
"""
