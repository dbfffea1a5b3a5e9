// Describes what was thrown, as {said, stack, ran}: its text, the stack of an error, and whether the script had run and
// its value was being written. Compiled only when a script fails, in the script's own world, which it may have tampered
// with: then the text is odd, and that is all.
(function (fault, write, ran) {
  function label(name, made) {
    if (Object.hasOwn(fault, 'name') && typeof name === 'string' && name) return name;
    if (typeof made === 'string' && made && made !== 'Error' && made !== 'Object') return made;
    return typeof fault !== 'function' && typeof name === 'string' && name ? name : 'Error';
  }
  let said = 'Error', stack = null;
  try {
    if (Object(fault) !== fault) said = typeof fault === 'symbol' ? fault.toString() : fault + (typeof fault === 'bigint' ? 'n' : '');
    else {
      const message = fault.message;
      said = label(fault.name, fault.constructor && fault.constructor.name);
      if (typeof message === 'string' && message) said += ': ' + message;
      if (fault instanceof Error) stack = `${fault.stack}`;
    }
  } catch { }
  return write({ __proto__: null, said: `${said}`, stack, ran });
})
