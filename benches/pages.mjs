// How fast pages are in a browser: `node benches/pages.mjs MODULES QUACKCTL`, of a release build. MODULES is a folder in which `npm ci` was run
// for tests/browser/package.json; CHROMIUM names the browser.
//
// Medians of RUNS: what the first visit to the taxi example's kind of page brings, how long a chart of 100,000 points takes to be drawn once its
// rows are there, and how long after a file is saved a changed tile has been drawn in a page that is looked at.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const RUNS = 9;
const [, , modules, quackctl] = process.argv;
const { chromium } = createRequire(`${modules}/`)('playwright-core');

const folder = mkdtempSync(join(tmpdir(), 'quack-pages-'));
const pages = join(folder, 'dashboards');
const run = (...more) => {
  const { status, stderr } = spawnSync(quackctl, ['-C', folder, ...more], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`quackctl ${more.join(' ')}: ${stderr}`);
};
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const told = (what, values) => console.log(`${what}: ${median(values).toFixed(0)} ms, ${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)} of ${values.length}`);

const POINTS = 'FROM range(100000) r(i)';
const KINDS = {
  scatter: `SELECT i AS x, (i * 7919 % 100000)::DOUBLE AS y ${POINTS}`,
  line: `SELECT i AS x, sin(i / 1000.0) AS y ${POINTS}`,
};
const day = (last) => `# Trips\n\n\`\`\`sql by_day bar x=day y=trips\nSELECT i % ${last} AS day, count(*) AS trips ${POINTS} GROUP BY ALL ORDER BY ALL\n\`\`\`\n`;

/** Until every tile has its rows, and they are painted. */
async function idle(page) {
  await page.waitForFunction(() => document.querySelector('.foot') && !document.querySelector('[aria-busy="true"]'));
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** `quackctl dash` and where it listens. */
async function served() {
  const server = spawn(quackctl, ['-C', folder, 'dash', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const address = await new Promise((found, failed) => {
    let said = '';
    server.stderr.on('data', (data) => { said += data; const at = said.match(/http:\/\/127\.0\.0\.1:\d+/); if (at) found(at[0]); });
    server.on('exit', () => failed(new Error(said)));
  });
  return { server, address };
}

async function measure(address) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--disable-gpu'] });
  try {
    const page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
    let bytes = 0;
    const network = await page.context().newCDPSession(page);
    await network.send('Network.enable');
    network.on('Network.loadingFinished', ({ encodedDataLength }) => { bytes += encodedDataLength; });
    await page.goto(`${address}/trips`);
    await idle(page);
    console.log(`first visit, all that comes: ${(bytes / 1000).toFixed(0)} kB`);

    const reloads = [];
    for (let turn = 0; turn < RUNS; turn += 1) {
      const days = 10 + turn;
      const drawn = page.waitForFunction((rows) => document.querySelector('#tile-by_day .status')?.textContent.startsWith(`${rows} rows`), days, { polling: 'raf' });
      const began = performance.now();
      writeFileSync(join(pages, 'trips.md'), day(days));
      await drawn;
      reloads.push(performance.now() - began);
    }
    told('from saving a page to its changed tile drawn', reloads);

    for (const kind of Object.keys(KINDS)) {
      const drawn = [];
      for (let turn = 0; turn < RUNS; turn += 1) {
        await page.goto(`${address}/${kind}`);
        await idle(page);
        drawn.push(await page.evaluate(() => performance.getEntriesByType('measure').filter(({ name }) => name.startsWith('quack-draw')).at(-1).duration));
      }
      told(`${kind} of 100,000 points, drawn`, drawn);
    }
  } finally {
    await browser.close();
  }
}

try {
  run('up');
  mkdirSync(pages, { recursive: true });
  writeFileSync(join(pages, 'trips.md'), day(7));
  for (const [kind, sql] of Object.entries(KINDS)) writeFileSync(join(pages, `${kind}.md`), `# ${kind}\n\n\`\`\`sql points ${kind} x=x y=y\n${sql}\n\`\`\`\n`);
  const { server, address } = await served();
  try {
    await measure(address);
  } finally {
    server.kill('SIGTERM');
  }
} finally {
  run('down', '--yes');
  rmSync(folder, { recursive: true, force: true });
}
