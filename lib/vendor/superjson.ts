export { SuperJSON, type SuperJSONResult } from 'superjson';
