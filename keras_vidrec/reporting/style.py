"""How a report looks: on paper, on a telephone, in the dark."""

STYLE = """
:root {
  --paper: #ffffff; --card: #f5f7f9; --line: #d8dee4; --ink: #1c2128;
  --faint: #57606a; --accent: #0b62a8; --hit: #0072b2; --miss: #d1480b;
  --full: #ffffff; --shade: #8c96a180;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181d; --card: #1d232a; --line: #363e48; --ink: #e6e9ed;
    --faint: #a0a9b4; --accent: #6cb6f2; --hit: #3f9fe0; --miss: #f0793a;
    --full: #0d1014; --shade: #a0a9b480;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
body {
  margin: 0 auto; padding: 1.5rem clamp(0.9rem, 3vw, 2.5rem) 4rem;
  max-width: 84rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  overflow-wrap: anywhere;
}
h1 { font-size: clamp(1.5rem, 5vw, 2.1rem); line-height: 1.2; margin: 0; }
h2 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 0.6rem; }
h3 { font-size: 1.05rem; margin: 0 0 0.2rem; }
p { margin: 0 0 0.8rem; max-width: 46rem; }
a { color: var(--accent); }
section { margin-top: 2.6rem; }
.lead, .note, caption, figcaption { color: var(--faint); }
.note, figcaption { font-size: 0.9rem; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.3rem 1.2rem; padding: 0;
  margin: 1rem 0 0; list-style: none; }
.tiles { display: grid; gap: 0.8rem; margin: 1.4rem 0 0;
  grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); }
.tiles div { background: var(--card); border: 1px solid var(--line);
  border-radius: 0.6rem; padding: 0.8rem 1rem; }
.tiles dt { color: var(--faint); font-size: 0.9rem; }
.tiles dd { margin: 0; font-size: 1.75rem; font-weight: 650; line-height: 1.2;
  font-variant-numeric: tabular-nums; }
.tiles .range { display: block; font-size: 0.85rem; font-weight: 400;
  color: var(--faint); line-height: 1.5; }
/* Shades at the edges behind which there is more to scroll to: paper that
  moves with the content covers them at its ends. */
.scroll { overflow: auto; max-width: 100%; margin: 0 0 1rem;
  border: 1px solid var(--line); border-radius: 0.6rem;
  background:
    linear-gradient(to right, var(--paper) 50%, transparent) left local,
    linear-gradient(to left, var(--paper) 50%, transparent) right local,
    linear-gradient(to right, var(--shade), transparent) left,
    linear-gradient(to left, var(--shade), transparent) right;
  background-repeat: no-repeat;
  background-size: 3rem 100%, 3rem 100%, 1.2rem 100%, 1.2rem 100%; }
.scroll:focus-visible, summary:focus-visible {
  outline: 2px solid var(--accent); outline-offset: 2px; }
.tall { max-height: min(85vh, 60rem); width: fit-content; }
table { border-collapse: collapse; width: 100%; font-size: 0.95rem;
  overflow-wrap: normal; }
caption { text-align: left; padding: 0.6rem 0.9rem; font-size: 0.9rem; }
th, td { padding: 0.4rem 0.9rem; text-align: left; vertical-align: top;
  border-top: 1px solid var(--line); }
thead th { font-size: 0.85rem; color: var(--faint); background: var(--card); }
tbody th { font-weight: 550; min-width: 8.5rem; }
td { min-width: 11rem; }
.number { min-width: 0; text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.bar { display: block; width: 6rem; height: 0.35rem; margin: 0.25rem 0 0 auto;
  border-radius: 0.2rem; background: var(--line); overflow: hidden; }
.bar span { display: block; height: 100%; background: var(--hit); }
.matrix { display: grid; width: max-content; line-height: 0; }
.corner, .columns, .rows { background: var(--paper); }
.matrix svg { font-family: inherit; fill: var(--ink); }
.corner { position: sticky; top: 0; left: 0; z-index: 3; padding: 0.5rem;
  font-size: 0.75rem; line-height: 1.3; color: var(--faint);
  display: flex; align-items: end; justify-content: end; text-align: right; }
.columns { position: sticky; top: 0; z-index: 2; }
.rows { position: sticky; left: 0; z-index: 1; }
.lines { stroke: var(--line); stroke-width: 1; fill: none; }
.hit { fill: var(--hit); }
.miss { fill: var(--miss); }
.count.full { fill: var(--full); }
rect:hover { stroke: var(--ink); stroke-width: 1.5; }
.key { display: inline-block; width: 0.8em; height: 0.8em; margin: 0 0.35em;
  border-radius: 0.15em; vertical-align: -0.05em; }
.key.hit { background: var(--hit); }
.key.miss { background: var(--miss); }
.figures { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); }
.figures figure, .pair { background: var(--card); border-radius: 0.6rem;
  border: 1px solid var(--line); padding: 0.9rem 1rem; }
figure { margin: 0; }
.figures svg { display: block; width: 100%; height: auto; }
.figures svg text { font-family: inherit !important; }
.pairs { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 34rem), 1fr)); }
.figures + .note, .pairs + .note { margin-top: 0.8rem; }
.pair figure { margin-top: 0.8rem; }
.strip { display: grid; gap: 3px; margin-bottom: 0.25rem;
  grid-template-columns: repeat(6, 1fr); }
.strip img { display: block; width: 100%; height: auto; border-radius: 3px; }
.pair .missing { border: 1px dashed var(--line); border-radius: 0.4rem;
  padding: 0.5rem 0.7rem; margin: 0 0 0.25rem; }
dl.facts { display: grid; grid-template-columns: max-content 1fr;
  gap: 0.25rem 1.2rem; margin: 0 0 1rem; }
.facts dt { color: var(--faint); }
.facts dd { margin: 0; }
pre { margin: 0; padding: 0.9rem; font: 0.85rem/1.5 ui-monospace, Menlo,
  Consolas, monospace; overflow-wrap: normal; }
details { margin: 0 0 1rem; }
summary { cursor: pointer; padding: 0.3rem 0; font-weight: 550; }
footer { margin-top: 3rem; border-top: 1px solid var(--line);
  padding-top: 0.8rem; color: var(--faint); font-size: 0.9rem; }
@media (max-width: 34rem) {
  .strip { grid-template-columns: repeat(3, 1fr); }
  th, td { padding: 0.4rem 0.6rem; }
  dl.facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: 0.5rem; }
}
@media print {
  .scroll { overflow: visible; max-height: none; }
  nav { display: none; }
}
@media (prefers-reduced-motion: reduce) {
  html { scroll-behavior: auto; }
}
"""
