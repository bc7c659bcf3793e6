import type { Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

// Keys of Nest's metadata. Nest doesn't export them.
const GATEWAY = 'websockets:is_gateway';
const RESOLVER = 'graphql:resolver_type';
const MESSAGE_PATTERN = 'microservices:pattern';

/**
 * Whether an application with a singleton `BackgroundTasks` needs the global interceptor: it has WebSocket gateways,
 * GraphQL resolvers, or handlers of messages.
 */
export function needsInterceptor(modules: ModulesContainer): boolean {
  for (const { controllers, providers } of modules.values()) {
    for (const { metatype } of [...controllers.values(), ...providers.values()]) {
      if (typeof metatype === 'function' && isHandler(metatype as Type)) {
        return true;
      }
    }
  }
  return false;
}

function isHandler(type: Type): boolean {
  if (Reflect.hasMetadata(GATEWAY, type) || Reflect.hasMetadata(RESOLVER, type)) {
    return true;
  }
  const methods: unknown[] = Object.values(Object.getOwnPropertyDescriptors(type.prototype ?? {})).map(
    ({ value }) => value as unknown,
  );
  return methods.some((method) => typeof method === 'function' && Reflect.hasMetadata(MESSAGE_PATTERN, method));
}
