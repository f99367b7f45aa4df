// Bundles the widgets into ../nbtrain/widgets/static: one script without imports and one style sheet each.
import { build, context } from "esbuild";

const options = {
  entryPoints: ["src/panel.js", "src/inspector.js", "src/start.js"],
  outdir: "../nbtrain/widgets/static",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  charset: "utf8",
  legalComments: "inline", // uPlot is MIT: its notice travels with the bundle
  logLevel: "warning",
};

if (process.argv.includes("--watch")) {
  const watcher = await context({ ...options, minify: false });
  await watcher.watch();
} else {
  await build(options);
}
