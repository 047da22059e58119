// Runs the module without giving it anything and prints what it rendered, as JSON.
//
// node smoke.mjs MODULE.wasm

import { readFile } from "node:fs/promises";

const module = await WebAssembly.compile(await readFile(process.argv[2]));
const imports = WebAssembly.Module.imports(module);
if (imports.length > 0) {
  console.error("expected a module without imports, found:", imports);
  process.exit(1);
}

const { exports } = await WebAssembly.instantiate(module, {});

// The call may grow the memory, so the buffer is looked up after it. An address is a signed number
// to JavaScript.
function text(name) {
  const pointer = exports[`${name}_pointer`]() >>> 0;
  const length = exports[`${name}_length`]() >>> 0;
  return new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(exports.memory.buffer, pointer, length));
}

process.stdout.write(JSON.stringify({ revision: text("revision"), yaml: text("yaml") }));
