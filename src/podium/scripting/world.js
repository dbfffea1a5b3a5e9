// The world of one script, built before it runs: what is not ECMAScript goes, then a function remains that evaluates a
// program and answers its value as JSON, or null, and then, asked without a program, reports what was thrown. Compiling
// it is a good part of what a small evaluation costs, so that it writes plain scalars only; the rest comes as sources,
// compiled when needed. eval and JSON.stringify are taken before the script can replace them: an answer is always text
// of the native writer.
(function (root) {
  'use strict';
  delete root.performance; delete root.queueMicrotask; delete root.btoa; delete root.atob; delete root.DOMException;
  const evaluate = root.eval, write = JSON.stringify;
  let fault, ran = false;
  return function (source, value, unusual, report, exact, room) {
    if (source === null) return evaluate(report)(fault, write, ran);
    try {
      const result = evaluate(source), type = typeof result;
      ran = true;
      if (type === 'boolean' || type === 'string' || (type === 'number' && (result | 0) === result && result)) return write(result);
      return evaluate(value)(result, write, evaluate, unusual, exact, room);
    } catch (thrown) {
      fault = thrown;
      return null;
    }
  };
})(globalThis)
