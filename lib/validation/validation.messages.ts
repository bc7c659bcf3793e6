export const optionsNotAnObject = (where: string, came: string) =>
  `${where}: expected an object with options, got ${came}.`;

export const unknownOption = (where: string, name: string, known: readonly string[]) =>
  `${where}: there is no option '${name}'. The options are: ${known.join(', ')}.`;

export const wrongOption = (where: string, name: string, came: string, expected: string) =>
  `${where}: option '${name}': expected ${expected}; got ${came}.`;
