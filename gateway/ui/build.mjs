// SPDX-License-Identifier: MIT
// Bundles src/ into dist/: node build.mjs
import { build } from "esbuild";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

// xterm.js sets colours beyond its palette by a style attribute, which a strict policy refuses;
// the same through the object model is allowed.
const ATTRIBUTE = 't.setAttribute("style",`${t.getAttribute("style")||""}${e};`)';
const xtermWithoutAttributes = {
	name: "xterm-without-attributes",
	setup(builder) {
		builder.onLoad({ filter: /@xterm[\\/]xterm[\\/]lib[\\/]xterm\.mjs$/ }, ({ path }) => {
			const parts = readFileSync(path, "utf8").split(ATTRIBUTE);
			if (parts.length !== 2) {
				throw new Error(`${path}: found ${parts.length - 1} places to change, 1 expected`);
			}
			return { contents: parts.join("t.style.cssText+=`${e};`") };
		});
	},
};

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist");
await build({
	entryPoints: ["src/main.js", "src/main.css"],
	outdir: "dist",
	bundle: true,
	splitting: true,
	format: "esm",
	target: "es2022",
	minify: true,
	legalComments: "linked",
	chunkNames: "[name]-[hash]",
	plugins: [xtermWithoutAttributes],
	logLevel: "warning",
});
for (const name of ["index.html", "icon.svg"]) {
	cpSync(`src/${name}`, `dist/${name}`);
}
// Packed once here, not by the server for each request.
for (const name of readdirSync("dist").filter((found) => /\.(js|css)$/.test(found))) {
	writeFileSync(`dist/${name}.gz`, gzipSync(readFileSync(`dist/${name}`), { level: 9 }));
}
