const passPlainData =
  'Pass plain data, or the id of what the task can look up: no functions, requests, streams or clients.';

export const argumentNotSerializable = (name: string, index: number, held: string) =>
  `Task "${name}": expected arguments that can be serialized, got argument ${index + 1}, which holds ${held}. ` +
  passPlainData;

export const argumentsNotSerializable = (name: string, thrown: string) =>
  `Task "${name}": expected arguments that can be serialized, got a ${thrown} when they were serialized. ${passPlainData}`;

export const resultNotSerializable = (name: string, thrown: string) =>
  `Task "${name}" completed, and its result is left out: expected one that can be serialized, got a ` +
  `${thrown} when it was serialized. Return plain data.`;

export const resultNotData = (name: string, came: string) =>
  `Task "${name}" completed, and its result is left out: expected one that can be serialized, got ${came}. Return plain data.`;

export const argumentsTooLarge = (name: string, size: number, maxSize: number) =>
  `Task "${name}": expected arguments of at most ${maxSize} bytes of JSON (maxSize), got ${size}. ` +
  'Keep large data elsewhere, and pass its address.';

export const resultTooLarge = (name: string, size: number, maxSize: number) =>
  `Task "${name}" completed, and its result is left out: expected at most ${maxSize} bytes of JSON (maxSize), got ${size}. ` +
  'Keep large data elsewhere, and return its address.';
