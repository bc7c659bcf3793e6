import { ApiProperty } from '@nestjs/swagger';
import { IsEmail, IsString } from 'class-validator';
import { staff } from '../users/users.service.ts';

export class LogInDto {
  @ApiProperty({ example: staff.email })
  @IsEmail()
  email!: string;

  @ApiProperty({ example: staff.password })
  @IsString()
  password!: string;
}
