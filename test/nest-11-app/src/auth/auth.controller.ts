import { Body, Controller, HttpCode, Post, Req, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { User } from '../users/user.entity';
import { EmailDto, HashDto, RegisterDto, ResetDto } from './auth.dto';
import { AuthService } from './auth.service';

@Controller('auth')
export class AuthController {
  constructor(private readonly auth: AuthService) {}

  @Post('register')
  register(@Body() { email, password }: RegisterDto): Promise<User> {
    return this.auth.register(email, password);
  }

  @Post('confirm')
  @HttpCode(200)
  confirm(@Body() { hash }: HashDto): Promise<User> {
    return this.auth.confirm(hash);
  }

  @Post('login')
  @HttpCode(200)
  @UseGuards(AuthGuard('local'))
  login(@Req() request: { user: User }) {
    return this.auth.login(request.user);
  }

  @Post('forgot')
  @HttpCode(202)
  forgot(@Body() { email }: EmailDto): Promise<void> {
    return this.auth.forgot(email);
  }

  @Post('reset')
  @HttpCode(204)
  reset(@Body() { hash, password }: ResetDto): Promise<void> {
    return this.auth.reset(hash, password);
  }
}
