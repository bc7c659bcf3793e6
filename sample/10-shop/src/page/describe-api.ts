import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';

/** Describes the API of the shop. The dashboard has routes too, for its own page alone: they are left out. */
export function describeApi(app: INestApplication): OpenAPIObject {
  const description = SwaggerModule.createDocument(app, new DocumentBuilder().setTitle('Harbour Coffee').build());
  const paths = Object.entries(description.paths).filter(([path]) => !path.startsWith('/background-tasks'));
  return { ...description, paths: Object.fromEntries(paths) };
}
