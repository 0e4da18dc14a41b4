// What the programs of node clients share: the keys they are given, and how they print what they see.
const names = ['acme', 'bad', 'mia', 'globex'];
export const keys = Object.fromEntries(names.map((name) => [name, process.env[name.toUpperCase()]]));

const lastSeen = {};

// `seen` are ids of rows, or one SQLSTATE.
export const report = (way, principal, seen) => {
  lastSeen[principal] = seen.join(' ');
  console.log([`${way} ${principal}:`, ...seen].join(' '));
};

// 200 requests at a time, over however few connections the client has: each has to see what its principal saw before,
// one after the other.  `seenBy` gets a key, and promises ids or one SQLSTATE.
export async function reportParallel(seenBy) {
  const principals = Object.entries({ ...keys, nobody: '' });
  const right = await Promise.all(Array.from({ length: 200 }, async (_, number) => {
    const [name, key] = principals[number % principals.length];
    const seen = (await seenBy(key)).join(' ');
    if (seen !== lastSeen[name]) console.error(`${name} saw ${seen}, not ${lastSeen[name]}`);
    return seen === lastSeen[name];
  }));
  console.log(`parallel: ${right.filter(Boolean).length} right`);
}
