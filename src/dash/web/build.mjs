// Bundles src/ into dist/, which is checked in: a build of quackctl needs no Node. The same lock file gives the same bytes.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, 'dist');
const permissive = new Set(['MIT', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', '0BSD', 'ISC']);

await mkdir(dist, { recursive: true });
const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: { dash: 'src/main.ts', edit: 'src/edit/main.ts', map: 'src/map/main.ts' },
  outdir: 'dist',
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  charset: 'utf8',
  legalComments: 'none', // all of them stand in LICENSES.txt
  define: { 'process.env.NODE_ENV': '"production"' },
  metafile: true,
});
await build({ absWorkingDir: here, entryPoints: { dash: 'src/dash.css', edit: 'src/edit/edit.css' }, bundle: true, outdir: 'dist', minify: true, charset: 'utf8', target: 'es2022' });

/** The packages that went into the bundle, by what esbuild read, not by what was installed. */
function bundled(inputs) {
  const names = new Set();
  for (const path of Object.keys(inputs)) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
    if (name) names.add(name);
  }
  return [...names].sort();
}

async function licence(name) {
  const folder = join(here, 'node_modules', name);
  const { version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  if (!permissive.has(license)) throw new Error(`${name} ${version} has the licence "${license}", which is not on the list of permissive ones`);
  const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && /(^|\/)(licen[cs]e|copying|notice)[^/]*$/i.test(entry.name) && !/\.(js|ts|html?)$/.test(entry.name))
    .map((entry) => join(relative(folder, entry.parentPath), entry.name))
    .sort();
  if (files.length === 0) throw new Error(`${name} ${version} has no file with its licence`);
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return `${name} ${version} (${license})\n${'='.repeat(72)}\n${texts.map((text) => text.replace(/\r\n/g, '\n').trim()).join('\n\n')}\n`;
}

const licences = await Promise.all(bundled(metafile.inputs).map(licence));
await writeFile(join(dist, 'LICENSES.txt'), `dash.js, edit.js and map.js have the code of these packages in them.\n\n${licences.join('\n\n')}`);

const files = ['LICENSES.txt', 'dash.css', 'dash.js', 'edit.css', 'edit.js', 'map.js'];
const sums = await Promise.all(files.map(async (file) => `${createHash('sha256').update(await readFile(join(dist, file))).digest('hex')}  ${file}\n`));
await writeFile(join(dist, 'SHA256SUMS'), sums.join(''));
