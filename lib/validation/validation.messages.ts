import { describeName } from '../util/inspect.ts';

export const optionsNotAnObject = (where: string, came: string) =>
  `${where}: expected an object with options, got ${came}.`;

export const unknownOption = (where: string, name: string, known: readonly string[]) =>
  `${where}: expected one of the options (${known.join(', ')}), got ${describeName(name)}. ` +
  'Correct its name, or remove it.';

export const wrongOption = (where: string, name: string, came: string, expected: string) =>
  `${where}: option '${name}': expected ${expected}, got ${came}.`;
