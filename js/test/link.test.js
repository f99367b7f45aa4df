// RunLink: what the page asks for, and when. The widget's model is played by an object that records.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isEnabled } from "../src/controls.js";
import { RunLink } from "../src/link.js";

function fakeModel(values = {}) {
  const handlers = {};
  return {
    sent: [],
    values,
    get: (name) => values[name],
    on: (event, handler) => (handlers[event] = handler),
    send(message) {
      this.sent.push(message);
    },
    fire: (event, ...given) => handlers[event]?.(...given),
  };
}
function curve(offset, rows, values) {
  const view = new DataView(new ArrayBuffer(values.length * 20));
  values.forEach((v, i) => view.setFloat64(8 * i, offset + i, true));
  for (let s = 0; s < 3; s++)
    values.forEach((v, i) => view.setFloat32(8 * values.length + 4 * (s * values.length + i), v, true));
  return [
    { type: "curve", id: "steps", header: { level: 0, offset, count: values.length, rows, columns: ["loss"] } },
    [view],
  ];
}
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

test("a page that opens says what it has, and a gap is asked for once", async () => {
  const model = fakeModel();
  const link = new RunLink(model);
  link.hello();
  assert.deepEqual(model.sent[0].have.steps, { level: 0, full: 0 });
  model.fire("msg:custom", ...curve(0, 2, [1, 2]));
  model.fire("msg:custom", ...curve(5, 6, [6]));
  model.fire("msg:custom", ...curve(6, 7, [7]));
  await wait(1100);
  assert.equal(model.sent.length, 2);
  assert.deepEqual(model.sent[1].have.steps, { level: 0, full: 2 });
});

test("a lost last block is noticed by the state", async () => {
  const model = fakeModel({ state: { sent: { steps: [0, 3, 3], evals: [0, 0, 0] } } });
  const link = new RunLink(model);
  model.fire("msg:custom", ...curve(0, 2, [1, 2]));
  model.fire("change:state");
  await wait(1700);
  assert.equal(model.sent.length, 1);
  assert.equal(link.stores.steps.solid, 2);
});

test("the log is joined, and a part that came twice is left out", () => {
  const link = new RunLink(fakeModel());
  link.take({ type: "log", start: 100, end: 106, text: "hello\n" });
  link.take({ type: "log", start: 106, end: 109, text: "yo\n" });
  link.take({ type: "log", start: 100, end: 106, text: "hello\n" });
  assert.deepEqual(link.log, { text: "hello\nyo\n", end: 109, missing: true });
});

test("buttons can be pressed when they mean something", () => {
  assert.ok(isEnabled("pause", "running", null));
  assert.ok(!isEnabled("pause", "paused", null));
  assert.ok(!isEnabled("resume", "running", null));
  assert.ok(!isEnabled("save", "completed", null));
  assert.ok(!isEnabled("stop-epoch", "running", "stop-epoch"));
  assert.ok(isEnabled("stop-step", "running", "stop-epoch"));
});

test("what is printed just now is kept until the kernel says otherwise", () => {
  const link = new RunLink(fakeModel());
  const told = [];
  link.listen((kind) => told.push(kind));
  link.take({ type: "printing", text: "bar: 50%" });
  assert.equal(link.printing, "bar: 50%");
  link.take({ type: "printing", text: "" });
  assert.equal(link.printing, "");
  assert.deepEqual(told, ["printing", "printing"]);
});
