// Draws the panels of dashboard.json as SVG, where no Grafana is at hand: node render.mjs FILE.html [PROMETHEUS_URL] LOGIN...
//
// Each query of a tenant's panel is sent by psql as each LOGIN, and each expression to Prometheus. No dependencies. Of
// Grafana's macros it knows $__timeFilter and $__rate_interval, and of its panels time series and tables.
import {execFileSync} from 'node:child_process';
import {readFileSync, writeFileSync} from 'node:fs';

const [file, ...rest] = process.argv.slice(2);
const prometheus = rest[0]?.startsWith('http') ? rest.shift() : undefined;
const dashboard = JSON.parse(readFileSync(new URL('dashboard.json', import.meta.url), 'utf8'));
const colors = ['#3871dc', '#e0752d', '#508642', '#a352cc', '#bf1b00', '#806eb7', '#e5ac0e', '#447ebc'];
const width = 460, height = 190, left = 52, bottom = 22, top = 8;
const text = value => String(value).replace(/[&<>]/g, c => ({'&': '&amp;', '<': '&lt;', '>': '&gt;'})[c]);

function query(login, sql) {
  const expanded = sql.replace(/\$__timeFilter\(([^)]*)\)/g, "$1 BETWEEN now() - interval '1 day' AND now()");
  const json = execFileSync('psql', ['-XqAt', '-U', login, '-c', `SELECT coalesce(json_agg(q), '[]') FROM (${expanded}) q`], {encoding: 'utf8'});
  return JSON.parse(json);
}

async function samples(expression, legend) {
  const end = Date.now() / 1000, range = Number(process.env.RANGE ?? 600);
  const parameters = new URLSearchParams({query: expression.replaceAll('$__rate_interval', '30s'), start: end - range, end, step: range / 60});
  const answer = await (await fetch(`${prometheus}/api/v1/query_range?${parameters}`)).json();
  return answer.data.result.map(series => ({
    name: legend.replace(/\{\{(\w+)\}\}/g, (_, label) => series.metric[label]),
    points: series.values.map(([time, value]) => [time * 1000, Number(value)]),
  }));
}

const number = value => value >= 1e6 ? `${+(value / 1e6).toFixed(1)}M` : value >= 1e3 ? `${+(value / 1e3).toFixed(1)}k` : `${+value.toPrecision(2)}`;

function chart(series) {
  const all = series.flatMap(s => s.points);
  if (all.length === 0) return '<p class="none">no data</p>';
  const times = all.map(p => p[0]), from = Math.min(...times), to = Math.max(...times), most = Math.max(...all.map(p => p[1]), 1e-9);
  const x = time => left + (width - left - 8) * (to === from ? 0.5 : (time - from) / (to - from));
  const y = value => top + (height - top - bottom) * (1 - value / most);
  const lines = series.map((s, i) => `<polyline fill="none" stroke="${colors[i % 8]}" stroke-width="1.6" points="${s.points.map(p => `${x(p[0]).toFixed(1)},${y(p[1]).toFixed(1)}`).join(' ')}"/>`);
  const grid = [0, 0.5, 1].map(f => `<line x1="${left}" x2="${width - 8}" y1="${y(most * f)}" y2="${y(most * f)}" class="grid"/><text x="${left - 6}" y="${y(most * f) + 4}" text-anchor="end">${number(most * f)}</text>`);
  const clock = [0, 0.5, 1].map(f => `<text x="${x(from + (to - from) * f)}" y="${height - 6}" text-anchor="${['start', 'middle', 'end'][f * 2]}">${new Date(from + (to - from) * f).toISOString().slice(11, 16)}</text>`);
  const legend = series.map((s, i) => `<span><i style="background:${colors[i % 8]}"></i>${text(s.name)}</span>`).join('');
  return `<svg viewBox="0 0 ${width} ${height}">${[...grid, ...clock, ...lines].join('')}</svg><div class="legend">${legend}</div>`;
}

function byMetric(rows) {
  const series = new Map();
  for (const row of rows) {
    const value = Object.values(row).at(-1), name = row.metric;
    if (!series.has(name)) series.set(name, {name, points: []});
    series.get(name).points.push([Date.parse(row.time), value]);
  }
  return [...series.values()];
}

function table(rows) {
  if (rows.length === 0) return '<p class="none">no data</p>';
  const names = Object.keys(rows[0]);
  return `<table><tr>${names.map(n => `<th>${text(n)}</th>`).join('')}</tr>${rows.map(row => `<tr>${names.map(n => `<td>${text(typeof row[n] === 'number' ? +row[n].toFixed(2) : row[n])}</td>`).join('')}</tr>`).join('')}</table>`;
}

const panel = (title, body) => `<div class="panel"><h3>${text(title)}</h3>${body}</div>`;
const panels = dashboard.panels.filter(p => p.targets);
let page = '';
if (prometheus) {
  const drawn = [];
  for (const p of panels.filter(p => p.targets[0].expr))
    drawn.push(panel(p.title, chart((await Promise.all(p.targets.map(t => samples(t.expr, t.legendFormat)))).flat())));
  page += `<h2>Server</h2><div class="row">${drawn.join('')}</div>`;
}
for (const login of rest) {
  const drawn = panels.filter(p => p.targets[0].rawSql).map(p => {
    const rows = query(login, p.targets[0].rawSql);
    return panel(p.title, p.type === 'table' ? table(rows) : chart(byMetric(rows)));
  });
  page += `<h2>Tenant, as login ${text(login)}</h2><div class="row">${drawn.join('')}</div>`;
}
writeFileSync(file, `<!doctype html><meta charset="utf-8"><title>${dashboard.title}</title><style>
body{font:13px sans-serif;margin:16px;background:#f4f5f5;color:#222}h2{font-size:15px;margin:14px 0 6px}
.row{display:grid;grid-template-columns:repeat(3,1fr);gap:8px}.panel{background:#fff;border:1px solid #ddd;padding:8px}
h3{font-size:13px;margin:0 0 6px}svg{width:100%}.grid{stroke:#e5e5e5}svg text{font-size:11px;fill:#666}.none{color:#999}
.legend span{margin-right:12px}.legend i{display:inline-block;width:10px;height:3px;margin-right:4px;vertical-align:middle}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:2px 6px;border-bottom:1px solid #eee}</style>${page}`);
