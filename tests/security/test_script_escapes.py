"""Known ways out of JavaScript sandboxes: none leads anywhere, and none leaves a trace for the next script.

Each attack runs in the real pool. It may end in a value or an error; what counts: no canary is touched, the secret is
in no answer, the process does not crash, and the next evaluation finds the world that a new process has.
"""

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from podium.scripting import ScriptLimits, ScriptPool, ScriptRequest, ScriptResult

SECRET = "canary-7f3a91"

FINGERPRINT = """
(() => {
  const seen = new Set(), out = [];
  function walk(value, path) {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function') || seen.has(value)) return;
    seen.add(value);
    for (const key of Reflect.ownKeys(value)) {
      if (value === globalThis && key === '$') continue;
      const d = Reflect.getOwnPropertyDescriptor(value, key), at = path + '.' + String(key);
      const plain = typeof d.value !== 'object' && typeof d.value !== 'function' ? String(d.value) : typeof d.value;
      out.push(at + plain + typeof d.get + typeof d.set + d.writable + d.enumerable + d.configurable);
      walk(d.value, at); walk(d.get, at + '/get'); walk(d.set, at + '/set');
    }
    out.push(path + Object.isExtensible(value));
    walk(Object.getPrototypeOf(value), path + '/proto');
  }
  walk(globalThis, '');
  for (const made of [function*(){}, async function(){}, async function*(){}, [][Symbol.iterator](), /a/[Symbol.matchAll]('')])
    walk(made, 'made');
  return out.join('\\n');
})()
"""

ATTACKS = {
    # The host: what engines inside of Java, node, browsers and command lines offer
    "java type": "Java.type('java.lang.Runtime').getRuntime().exec('id')",
    "java packages": "Packages.java.lang.System.getenv()",
    "java global": "java.lang.System.getProperty('user.home')",
    "java import": "JavaImporter(java.io); new File('FILE').length()",
    "polyglot eval": "Polyglot.eval('python', '__import__(\"os\").environ')",
    "polyglot import": "Polyglot.import('x')",
    "script engine": "engine.factory.scriptEngine.eval('1')",
    "script engine in this": "this.engine.getFactory().getScriptEngine().eval('java.lang.System.exit(0)')",
    "script context": "context.getWriter().println('x')",
    "nashorn options": "$EXEC('id'); $ENV.PATH; $OPTIONS",
    "nashorn load": "load('FILE')",
    "nashorn script": "loadWithNewGlobal({script: '1', name: 'x'})",
    "graal": "Graal.versionGraalVM",
    "class of the input": "$.getClass().forName('java.lang.Runtime')",
    "class of a text": "''.getClass().getClassLoader()",
    "class of a list": "$.list.class.module.classLoader",
    "read": "read('FILE')",
    "read line": "readline()",
    "quit": "quit(); exit(); 1",
    "print": "print(1)",
    "console": "console.constructor.constructor('return this')()",
    "node process": "process.mainModule.require('child_process').execSync('id')",
    "node binding": "process.binding('spawn_sync')",
    "node require": "require('fs').readFileSync('FILE')",
    "node module": "module.constructor._load('fs')",
    "node buffer": "Buffer.from('x').constructor('return process')()",
    "quickjs std": "std.open('FILE', 'r').readAsString()",
    "quickjs std load": "std.loadFile('FILE')",
    "quickjs os": "os.exec(['id'])",
    "quickjs worker": "new os.Worker('FILE')",
    "quickjs script arguments": "scriptArgs",
    "quickjs native modules": "import('./evil.so'); import('std'); 1",
    "browser fetch": "fetch('http://127.0.0.1:PORT/')",
    "browser request": "new XMLHttpRequest().open('GET', 'http://127.0.0.1:PORT/')",
    "browser socket": "new WebSocket('ws://127.0.0.1:PORT/')",
    "browser worker": "new Worker('data:,')",
    "import scripts": "importScripts('http://127.0.0.1:PORT/')",
    "deno": "Deno.readTextFileSync('FILE')",
    "bun": "Bun.file('FILE').text()",
    "web assembly": "new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))",
    "timers": "setTimeout(() => { globalThis.left = 1 }, 0)",
    "python import": "__import__('os').system('id')",
    "python walk": "(1).__class__.__mro__[1].__subclasses__()",
    # Modules
    "dynamic import of a file": "import('FILE')",
    "dynamic import of a url": "import('http://127.0.0.1:PORT/x.mjs')",
    "dynamic import of data": "import('data:text/javascript,globalThis.left=1')",
    "dynamic import of json": "import('FILE', {with: {type: 'json'}})",
    "static import": "import x from 'FILE'; x",
    "import meta": "import.meta.url",
    "export": "export default 1",
    # Constructor chains and evaluated text
    "constructor chain": "this.constructor.constructor('return this')().process",
    "constructor of the input": "$.constructor.constructor('return globalThis')().require",
    "constructor of an empty list": "[].constructor.constructor('return this.process || this.std || this.Java')()",
    "constructor of a text": "''.sub.constructor('return globalThis.os')()",
    "function": "Function('return this')().load('FILE')",
    "function with a default": "new Function('a = this.left = 1', 'return a')()",
    "generator function": "(function*(){}).constructor('yield this')().next().value.require",
    "async function": "(async()=>{}).constructor('globalThis.left = await 1')()",
    "async generator function": "(async function*(){}).constructor('yield 1')()",
    "indirect eval": "(0, eval)('var left = 1; this.process')",
    "eval in a new function": "Function('x', 'return eval(x)')('globalThis.std')",
    "closing the wrapper": "}); globalThis.left = 1; ({",
    "closing a comment": "*/ globalThis.left = 1 /*",
    "a directive": "'use asm'; 'use strict'; this",
    "html comments": "<!-- 1\nglobalThis.left = 1\n--> 2",
    "hash bang": "#!/bin/sh\nglobalThis.left = 1",
    "caller": "function f() { return f.caller } f()",
    "callee of the caller": "(function() { return arguments.callee.caller.constructor('return this')() })()",
    "arguments of the caller": "function f() { return f.caller.arguments } f()",
    # Errors and stacks
    "prepare stack trace": "Error.prepareStackTrace = (e, s) => s; new Error().stack.map(f => f.getFunction()+'')",
    "the evaluator from the stack": "Error.prepareStackTrace = (e, s) => s[2].getFunction(); new Error().stack('1', '1', '1')",
    "this of the stack": "Error.prepareStackTrace = (e, s) => s.map(f => f.getThis()); new Error().stack",
    "file of the stack": "Error.prepareStackTrace = (e, s) => s.map(f => f.getFileName()); new Error().stack",
    "stack trace limit": "Error.stackTraceLimit = 1e9; (function f(n) { if (n) f(n - 1); else throw new Error() })(100)",
    "capture stack trace": "let o = {}; Error.captureStackTrace(o); o.stack",
    "stack overflow": "function f() { try { f() } finally { f() } } try { f() } catch (e) { e.constructor.constructor('return this')() }",
    "exception with a proxy": "throw new Proxy(new Error('x'), {get(t, k) { globalThis.left = k; return t[k] }})",
    "exception that throws": "throw {get message() { throw new Error('inner') }, get name() { throw 1 }}",
    "exception with a getter of the stack": "let e = new Error('x'); Object.defineProperty(e, 'stack', {get() { throw 1 }}); throw e",
    "exception with a false stack": "let e = new SyntaxError('x'); e.stack = '    at <input>:1:1\\n\\n\\n'; throw e",
    "exception without a prototype": "throw Object.create(null)",
    "exception of another class": "throw Object.setPrototypeOf(() => {}, Error.prototype)",
    "suppressed errors": "throw new SuppressedError(new Error('a'), new Error('b'))",
    "aggregate error": "throw new AggregateError([new Error('a')], 'all')",
    # The evaluator's own tools, replaced
    "replaced json": "JSON.stringify = () => '\"forged\"'; JSON.parse = null; JSON.rawJSON = () => ({}); ({a: 1n})",
    "replaced eval": "globalThis.eval = () => { globalThis.left = 1 }; ({a: 1n, b: new Map()})",
    "replaced object functions": "for (const k of Reflect.ownKeys(Object)) { try { Object[k] = () => 1 } catch {} } ({a: new Map()})",
    "replaced reflect": "Reflect.apply = Reflect.get = () => 'x'; new Map([[1, 2]])",
    "replaced map": "Map = Array = ArrayBuffer = DataView = BigInt = String = Number = 1; [2 ** 60, 1n]",
    "replaced iteration": "Array.prototype[Symbol.iterator] = function*() { yield 9 }; Map.prototype.forEach = () => {}; new Map([[1, 2]])",
    "replaced instance check": "Object.defineProperty(Map, Symbol.hasInstance, {value: () => true}); new Date()",
    "replaced error": "Error = TypeError = 1; null.x",
    "replaced prototypes": "Function.prototype.call = Function.prototype.apply = null; Object.prototype.toString = null; ({a: 1n})",
    "forged report": "'![\"forged\", null, false]'",
    "forged report in an error": "throw '![\"forged\", null, false]'",
    "raw json": "JSON.rawJSON('1') + ''; ({a: JSON.rawJSON('\"x\"')})",
    "raw json with more": "JSON.rawJSON('1, \"b\": 2')",
    "a toJSON of the text": "String.prototype.toJSON = () => 'forged'; 'x'",
    "a toJSON for all": "Object.prototype.toJSON = function() { globalThis.left = this; return 'forged' }; ({a: [1]})",
    "a toJSON that throws": "({toJSON() { throw new Error('x') }})",
    "a toJSON of integers": "BigInt.prototype.toJSON = () => 'x'; [10n]",
    # Prototype pollution
    "polluted object": "Object.prototype.left = 'x'; ({}).left",
    "polluted by __proto__": "({}).__proto__.left = 1",
    "polluted by a literal": "JSON.parse('{\"__proto__\": {\"left\": 1}}').left",
    "polluted by a merge": "function m(a, b) { for (const k in b) typeof b[k] == 'object' ? m(a[k] = a[k] || {}, b[k]) : a[k] = b[k] } m({}, $); ({}).polluted",
    "polluted list": "Array.prototype.push = function() { return 'left' }; Array.prototype[0] = 'x'; [,]",
    "polluted function": "Function.prototype.left = 1; (() => {}).left",
    "polluted text": "String.prototype.split = () => 'left'; 'a'.split()",
    "polluted number": "Number.prototype.valueOf = () => 666; new Number(1) + 1",
    "polluted then": "Object.prototype.then = function(f) { f(1) }; Promise.resolve({})",
    "polluted getter": "Object.defineProperty(Object.prototype, 'left', {get() { return 1 }, configurable: false}); ({}).left",
    "polluted setter": "Object.defineProperty(Object.prototype, '$', {set(v) { this.left = v }}); $ = 1",
    "polluted symbols": "Object.prototype[Symbol.toPrimitive] = () => 1; Object.prototype[Symbol.toStringTag] = 'x'; ({}) + 1",
    "legacy getter": "({}).__defineGetter__.call(globalThis, 'left', () => 1); left",
    "frozen world": "Object.freeze(Object.prototype); Object.freeze(globalThis); Object.freeze(Array.prototype); 1",
    "no more extensions": "Object.preventExtensions(globalThis); 1",
    "everything deleted": "for (const k of Reflect.ownKeys(globalThis)) { try { delete globalThis[k] } catch {} } 1",
    "prototype of the world": "Object.setPrototypeOf(globalThis, new Proxy({}, {get: () => 'x', has: () => true})); missing",
    "well known symbols": "Symbol.for('left').description; Object.defineProperty(Symbol.prototype, 'left', {value: 1}); 1",
    "regexp statics": "RegExp.prototype.exec = () => ['left']; RegExp.prototype[Symbol.replace] = () => 'left'; 'a'.replace(/a/, 'b')",
    "regexp memory": "/(canary.*)/.exec('canary-left'); [RegExp.$1, RegExp.lastMatch, RegExp.input]",
    # Proxies, getters, valueOf
    "proxy of everything": "new Proxy(function() {}, {get() { globalThis.left = 1 }, ownKeys() { return ['a'] }, apply() {}})",
    "proxy that lies": "new Proxy({}, {ownKeys: () => ['a'], getOwnPropertyDescriptor: () => ({value: 1, enumerable: true, configurable: true})})",
    "proxy in a proxy": "let p = {}; for (let i = 0; i < 1e4; i++) p = new Proxy(p, {}); p.x",
    "proxy of a prototype": "new Proxy({}, {getPrototypeOf() { throw new Error('trap') }})",
    "revoked proxy": "let {proxy, revoke} = Proxy.revocable([], {}); revoke(); proxy",
    "getter on the input": "Object.defineProperty($, 'list', {get() { return globalThis.left = SECRET }}); $.list",
    "getter on the input's prototype": "Object.defineProperty(Object.getPrototypeOf($), 'x', {get() { return this }}); $.x === $",
    "value of": "({valueOf() { globalThis.left = 1; return 1 }}) + 1",
    "to primitive": "`${{[Symbol.toPrimitive]: h => { globalThis.left = h; return h }}}`",
    "species": "class A extends Array { static get [Symbol.species]() { globalThis.left = 1; return Array } } new A(3).map(x => x)",
    "iterator that never closes": "const [a] = {[Symbol.iterator]: () => ({next: () => ({value: 1}), return() { throw 1 }})}; a",
    # Left behind
    "global variable": "left = 'x'; var left2 = 1; globalThis.left3 = 1; function left4() {}",
    "replaced input": "$ = 'x'; Object.defineProperty(globalThis, '$', {value: 1, writable: false, configurable: false}); 1",
    "promise job": "Promise.resolve().then(() => { globalThis.left = 1; for (;;); }); 1",
    "endless promise jobs": "(function f() { Promise.resolve().then(f) })(); 1",
    "async function left waiting": "(async () => { await 1; globalThis.left = 1; for (;;); })(); 1",
    "rejected promise": "Promise.reject(new Error('x')); 1",
    "thenable": "Promise.resolve({then(f) { globalThis.left = 1; f() }}); 1",
    "async iteration": "(async () => { for await (const x of (async function*() { yield 1 })()) left = x })(); 1",
    "finalization": "new FinalizationRegistry(() => { globalThis.left = 1; for (;;); }).register({}, 1); 1",
    "weak reference": "globalThis.left = new WeakRef({a: 1}); 1",
    "generator left open": "globalThis.left = (function*() { try { yield 1 } finally { for (;;); } })(); left.next(); 1",
    "disposal": "const s = new DisposableStack(); s.defer(() => { globalThis.left = 1 }); 1",
    "shared memory": "globalThis.left = new SharedArrayBuffer(8); Atomics.store(new Int32Array(left), 0, 42)",
    "waiting on shared memory": "Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0, 60000)",
    "waiting asynchronously": "Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(8)), 0, 0)",
    "weak map as a channel": "new WeakMap([[Object.prototype, 'left']]); new WeakMap().get(Object.prototype)",
    "date as a channel": "Date.now = () => 0; Date.prototype.getTime = () => 0; Math.random = () => 4; Date.now()",
    # Memory unsafety that engines had
    "typed array out of bounds": "new Uint8Array(8)[1e9]; new Uint8Array(8)[-1] = 1; new DataView(new ArrayBuffer(8)).getInt8(7)",
    "typed array shrunk while used": "let b = new ArrayBuffer(64, {maxByteLength: 128}); let a = new Uint8Array(b); a.fill({valueOf() { b.resize(1); return 1 }}); a.length",
    "array buffer detached while used": "let b = new ArrayBuffer(64); let a = new Uint8Array(b); a.set({length: 8, get 0() { b.transfer(0); return 1 }}); a.length",
    "list shrunk while sorted": "let a = Array.from({length: 500}, (_, i) => i); a.sort((x, y) => { a.length = 0; return x - y }); a.length",
    "list shrunk while joined": "let a = [1, {toString() { a.length = 0; a.push(1); return 'x' }}, 3]; a.join()",
    "list changed while written": "let a = []; a[0] = {get x() { a.length = 0; return 1 }}; a[1] = 2; a",
    "splice with a length that lies": "Array.prototype.splice.call({length: 2 ** 53 - 1}, 0, 0)",
    "concat with holes": "let a = []; a.length = 2 ** 32 - 1; [].concat.call([], a.slice(0, 10)).length",
    "regexp recompiled while used": "let r = /a/g; r.compile('b', {toString() { r.compile('(c)'); return 'g' }})",
    "regexp with a last index that lies": "let r = /a/y; r.lastIndex = {valueOf() { r.lastIndex = 0; return 2 ** 31 }}; r.exec('aaa')",
    "map changed while walked": "let m = new Map([[1, 1]]); let n = 0; m.forEach((v, k) => { m.delete(k); if (n++ < 1000) m.set(k + 1, 1) }); m.size",
    "getter that frees": "let o = {get a() { delete o.b; return 1 }, b: {c: 1}}; JSON.stringify(o)",
    "text from code units": "String.fromCharCode(...Array(60000).fill(0xd800)).length",
    "deep property chain": "let o = {}; for (let i = 0; i < 1e5; i++) o = Object.create(o); o.x",
    "huge switch": "eval('switch (1) {' + 'case 2: 0;'.repeat(3e4) + '}')",
    "many local variables": "eval('var ' + Array.from({length: 2e4}, (_, i) => 'v' + i).join())",
    "many arguments": "Math.max.apply(null, {length: 1e9})",
    "many template parts": "eval('`' + '${1}'.repeat(3e4) + '`').length",
    "deep pattern": "new RegExp('(?:'.repeat(2e4) + ')'.repeat(2e4)).test('a')",
    "date out of range": "new Date(8.64e15 + 1).toString(); new Date(NaN).getTimezoneOffset(); Date.UTC(1e9)",
    "atob": "atob('x'); btoa('y')",
}  # fmt: skip


class Attacked:
    """A pool with one process, the canaries, and the fingerprint of an untouched world."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "canary"
        self.file.write_text(SECRET)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.runner = asyncio.Runner()
        self.pool = ScriptPool(ScriptLimits(time_ms=2_000), size=1, size_max=1)
        self.untouched = self.evaluate(FINGERPRINT).value

    def evaluate(self, source: str) -> ScriptResult:
        port = str(self.listener.getsockname()[1])
        source = source.replace("FILE", str(self.file)).replace("PORT", port)
        data = json.dumps({"list": [1], "__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}})
        return self.runner.run(self.pool.evaluate(ScriptRequest("javascript", source, data.encode())))

    def close(self) -> None:
        self.runner.run(self.pool.close())
        self.runner.close()
        self.listener.close()


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    os.environ["PODIUM_CANARY"] = SECRET
    target = Attacked(tmp_path_factory.mktemp("canary"))
    yield target
    target.close()
    del os.environ["PODIUM_CANARY"]


def test_the_fingerprint_sees_a_change(attacked: Attacked) -> None:
    assert attacked.untouched is not None
    assert attacked.untouched.count(rb"\n") > 1_000
    changed = attacked.evaluate("Array.prototype.left = 1;" + FINGERPRINT).value
    assert changed != attacked.untouched


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_reaches_nothing_and_leaves_nothing(attacked: Attacked, attack: str) -> None:
    crashes = attacked.pool.restarts - attacked.pool.kills
    result = attacked.evaluate(attack)
    assert SECRET not in repr(result)
    assert "root:" not in repr(result)
    assert attacked.evaluate(FINGERPRINT).value == attacked.untouched
    assert attacked.evaluate("typeof left + typeof left2 + typeof left4").value == b'"' + b"undefined" * 3 + b'"'
    assert attacked.pool.restarts - attacked.pool.kills == crashes
    with pytest.raises(BlockingIOError):
        attacked.listener.accept()


def test_a_result_is_always_that_of_the_script(attacked: Attacked) -> None:
    assert attacked.evaluate(ATTACKS["forged report"]).value == b'"![\\"forged\\", null, false]"'
    assert attacked.evaluate(ATTACKS["a toJSON of the text"]).value == b'"x"'
    assert attacked.evaluate("JSON.stringify = () => 'no json {'; ({a: 1})").value == b'{"a":1}'
    assert attacked.evaluate("$.polluted").value == b"null"
    assert attacked.evaluate("Object.keys($)").value == b'["list","__proto__","constructor"]'


def test_clocks_are_coarse(attacked: Attacked) -> None:
    assert attacked.evaluate("typeof performance").value == b'"undefined"'
    assert attacked.evaluate("Number.isInteger(Date.now()) && Number.isInteger(new Date().getTime())").value == b"true"
    assert attacked.evaluate("typeof Temporal").value == b'"undefined"'


ECMASCRIPT = (
    "globalThis Infinity NaN undefined eval isFinite isNaN parseFloat parseInt decodeURI decodeURIComponent encodeURI "
    "encodeURIComponent escape unescape AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array "
    "BigUint64Array Boolean DataView Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array "
    "Float64Array Function Int8Array Int16Array Int32Array InternalError Iterator JSON Map Math Number Object Promise Proxy "
    "RangeError ReferenceError Reflect RegExp Set SharedArrayBuffer String SuppressedError Symbol SyntaxError TypeError "
    "Uint8Array Uint8ClampedArray Uint16Array Uint32Array URIError WeakMap WeakRef WeakSet"
)


def test_no_name_of_the_world_belongs_to_a_host(attacked: Attacked) -> None:
    names = json.loads(attacked.evaluate("Object.getOwnPropertyNames(globalThis)").value or b"[]")
    assert set(names) <= {*ECMASCRIPT.split(), "$"}
