export { deserializeError, type ErrorObject, serializeError } from 'serialize-error';
