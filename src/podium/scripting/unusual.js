// What the JSON writer is given for a value that it would not show as Conductor does.
(function (value, exact, room) {
  // Java's numbers: int, long, else a double, which shows a fraction or an exponent. NaN and infinities are text.
  function number() {
    if (value - value !== 0) return '' + value;
    if (value === 0) return 1 / value < 0 ? JSON.rawJSON('-0.0') : 0;
    if ((value < 2 ** 53 && value > -(2 ** 53)) || value >= 1e21 || value <= -1e21) return value;
    if (value >= 2 ** 63 || value < -(2 ** 63)) return JSON.rawJSON(value + '.0');
    const digits = '' + BigInt(value);
    return JSON.rawJSON((exact && JSON.parse(exact)[digits]) || digits);
  }
  function entries() {
    const out = { __proto__: null };
    value.forEach((member, key) => { out[String(key)] = member; });
    return out;
  }
  function elements() {
    const out = [];
    for (let i = 0; i < value.length && i <= room; i++) out[i] = value[i];
    return out;
  }
  switch (typeof value) {
    case 'number': return number();
    case 'bigint': return BigInt.asIntN(64, value) === value ? JSON.rawJSON('' + value) : '' + value;
    case 'function': return { ...value };
    case 'symbol': return {};
  }
  if (value instanceof Map) return entries();
  return ArrayBuffer.isView(value) && !(value instanceof DataView) ? elements() : value;
})
