const parts = [
  ['comment', String.raw`\/\*[\s\S]*?\*\/|\/\/.*`],
  ['string', String.raw`'[^'\n]*'|\`[^\`]*\``],
  ['decorator', String.raw`@[A-Z]\w*`],
  [
    'keyword',
    String.raw`\b(?:async|await|const|else|export|for|function|if|import|let|new|of|private|readonly|return|this|throw|type)\b`,
  ],
];
const pattern = new RegExp(parts.map(([name, source]) => `(?<${name}>${source})`).join('|'), 'g');

/** Returns an element with the code, whose strings, comments and keywords have a class. */
export function highlighted(text) {
  const code = document.createElement('code');
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    const span = document.createElement('span');
    [span.className] = Object.entries(match.groups).find(([, found]) => found !== undefined);
    span.textContent = match[0];
    code.append(text.slice(end, match.index), span);
    end = match.index + match[0].length;
  }
  code.append(text.slice(end));
  return code;
}
