// Writes the value of a script as JSON. It runs in the script's own world, as unusual.js and report.js do: a script that
// has replaced built-ins spoils its own answer only. It looks at the holder's member itself, so that toJSON does not count.
(function (result, write, evaluate, unusual, exact, room) {
  const bare = Object.prototype;
  let other;
  return write(result, function (key) {
    const value = this[key];
    if ((room -= typeof value === 'string' ? value.length + 2 : 2) < 0) throw new RangeError('The result is too large');
    switch (typeof value) {
      case 'string': case 'boolean': return value;
      case 'undefined': return null;
      case 'number': if ((value | 0) === value ? value || 1 / value > 0 : value % 1) return value; break;
      case 'object': if (value === null || Array.isArray(value) || Object.getPrototypeOf(value) === bare) return value;
    }
    return (other ||= evaluate(unusual))(value, exact, room);
  });
})
