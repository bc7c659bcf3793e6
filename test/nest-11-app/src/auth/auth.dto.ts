import { IsEmail, IsString, MinLength } from 'class-validator';

export class EmailDto {
  @IsEmail()
  email: string;
}

export class RegisterDto extends EmailDto {
  @MinLength(8)
  password: string;
}

export class HashDto {
  @IsString()
  hash: string;
}

export class ResetDto extends HashDto {
  @MinLength(8)
  password: string;
}
