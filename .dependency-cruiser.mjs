/**
 * The rooms of lib/, the highest first. `npm run lint:rooms` checks their order. Imports of types count.
 * A room may import the rooms on lower lines. Rooms on one line may not import each other.
 */
const core = [
  ['index.ts'],
  ['module'],
  ['services'],
  ['request'],
  ['engine'],
  ['options'],
  ['threads', 'durable', 'records', 'execution'],
  ['observe'],
  ['task'],
  ['validation'],
  ['errors'],
  ['util', 'vendor'],
];

/** `threads` implements the executor that `execution` declares. */
const exceptions = [{ from: 'threads', to: 'execution' }];

/** Adapters stand beside the core. Each may import the rooms named here. The core may not import an adapter. */
const adapters = {
  bullmq: ['durable', 'task', 'validation', 'errors', 'util', 'vendor'],
  otel: ['observe', 'task', 'util'],
  dashboard: ['services', 'durable', 'task', 'validation', 'errors', 'util'],
  testing: ['durable', 'services', 'execution', 'request', 'task', 'validation', 'errors', 'util'],
};

/** The order inside a room, read in the same way. `*` matches files that lie in the room itself. */
const insides = {
  request: [['*'], ['http']],
  threads: [['*'], ['worker'], ['wire']],
  task: [['index.ts'], ['call'], ['definition', 'handle'], ['model', '*.messages.ts']],
  bullmq: [
    ['index.ts'],
    ['*.module.ts'],
    ['*-task-queue.ts'],
    ['workers', 'transactions'],
    ['queues'],
    ['store', 'jobs'],
    ['*.options.ts'],
    ['*.messages.ts'],
  ],
};

/** A name without a dot or a star is a folder. */
function patternOf(folder, name) {
  const isFolder = !/[.*]/.test(name);
  return `^${folder}/${name.replaceAll('.', '\\.').replaceAll('*', '[^/]+')}${isFolder ? '/' : '$'}`;
}

/** Forbids everything in `folder` but the room itself and what it may import. */
function only(folder, room, allowed) {
  const named = allowed.length > 0 ? `only ${allowed.join(', ')}` : 'nothing else';
  return {
    name: `order of ${folder}/${room}`,
    comment: `${folder}/${room} may import ${named} of ${folder}.`,
    severity: 'error',
    from: { path: patternOf(folder, room) },
    to: { path: `^${folder}/`, pathNot: [room, ...allowed].map((name) => patternOf(folder, name)) },
  };
}

/** @param others rooms of `folder` that have no place in the order of `lines` */
function ordered(folder, lines, others = []) {
  const rules = lines.flatMap((line, index) =>
    line.map((room) => {
      const beside = exceptions.filter(({ from }) => folder === 'lib' && from === room).map(({ to }) => to);
      return only(folder, room, [...beside, ...lines.slice(index + 1).flat()]);
    }),
  );
  const rooms = [...lines.flat(), ...others];
  // A file that lies in no room would escape the order.
  rules.push({
    name: `no room in ${folder}`,
    comment: `Move the file into a room of ${folder}, or add its room to .dependency-cruiser.mjs.`,
    severity: 'error',
    from: { path: `^${folder}/`, pathNot: rooms.map((room) => patternOf(folder, room)) },
    to: {},
  });
  return rules;
}

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      // Only inside one room: a circle through several rooms also breaks their order.
      name: 'circle',
      comment: 'These files import each other. Move what they share into a file of its own.',
      severity: 'error',
      from: { path: '^lib/([^/]+)/' },
      to: { circular: true, viaOnly: { path: '^lib/$1/' } },
    },
    {
      // The other rules cannot judge an import whose file they do not find.
      name: 'unresolved',
      comment: 'Correct the path.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, path: '^[.]' },
    },
    ...ordered('lib', core, Object.keys(adapters)),
    ...Object.entries(adapters).map(([adapter, allowed]) => only('lib', adapter, allowed)),
    ...Object.entries(insides).flatMap(([room, lines]) => ordered(`lib/${room}`, lines)),
  ],
  options: {
    // Compiled code has no imports of types. These three options count them, in TypeScript and in JSDoc.
    tsPreCompilationDeps: true,
    detectJSDocImports: true,
    parser: 'tsc',
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
